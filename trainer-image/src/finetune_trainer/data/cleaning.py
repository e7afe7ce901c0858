"""What becomes of rows that cannot be learned from: the job fails, or they are left out.

`loading` cleans each source as soon as it is read. With dataset.onBadRow Drop at most one row in a
hundred is left out: more is a file of another kind, or a column that was mixed up, and learning
from the rest would hide it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from finetune_trainer.data.checks import Complaint
from finetune_trainer.data.tables import Table
from finetune_trainer.errors import DataError

Policy = Literal["Fail", "Drop"]
MAX_DROPPED_SHARE = 0.01
MAX_DROPPED_NAMED = 20


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A source without the rows that cannot be learned from.

    Attributes:
        field: how the user finds the source, `dataset.train`.
        table: the rows that are left.
        rows: how many there were.
        dropped: what was left out, `row 3 of a.csv: an empty text`.
    """

    field: str
    table: Table
    rows: int
    dropped: tuple[str, ...] = ()

    def clean(self, policy: Policy, *checks: Callable[[Table], Iterable[Complaint]]) -> "Cleaned":
        """Ask checks, one after the other: each sees only what those before it left.

        Raises:
            DataError: a row is bad and the policy is Fail, or too many are.
        """
        cleaned = self
        for find in checks:
            complaints = find(cleaned.table)
            if policy == "Fail":
                cleaned._refuse(complaints)
            else:
                cleaned = cleaned._drop(complaints)
        if len(cleaned.dropped) > MAX_DROPPED_SHARE * self.rows:
            raise DataError(
                f"{self.field}: {len(cleaned.dropped)} of {self.rows} rows cannot be learned from,"
                f" such as {'; '.join(cleaned.dropped[:3])}; dataset.onBadRow Drop leaves out at"
                " most 1 %",
                hint="mend the rows; so many bad ones are seldom chance",
            )
        return cleaned

    def _refuse(self, complaints: Iterable[Complaint]) -> None:
        for complaint in complaints:
            raise DataError(complaint.describe(self.table, self.field), hint=complaint.hint)

    def _drop(self, complaints: Iterable[Complaint]) -> "Cleaned":
        told: dict[int, str] = {}
        for complaint in complaints:
            told = {**complaint.describe_each(self.table), **told}
        if not told:
            return self
        names = tuple(told[index] for index in sorted(told))
        return replace(self, table=self.table.without(told), dropped=self.dropped + names)


def describe_dropped(cleaned: Cleaned) -> str | None:
    """Say in a sentence what was left out; None when nothing was."""
    count = len(cleaned.dropped)
    if not count:
        return None
    more = f" and {count - 3} more" if count > 3 else ""
    return (
        f"{count} of {cleaned.rows} rows of {cleaned.field} were left out:"
        f" {'; '.join(cleaned.dropped[:3])}{more}"
    )
