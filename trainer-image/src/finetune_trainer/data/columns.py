"""The columns of the data: what each holds, and what to say when one is not there."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.errors import DataError


@dataclass(frozen=True, slots=True)
class Column:
    """One column that a task needs.

    Attributes:
        role: its attribute in spec.dataset.columns, or what the table calls it.
        kind: what its values are.
        name: its name in the data; None: what spec.dataset.columns says for the role.
    """

    role: str
    kind: Kind
    name: str | None = None


def match_columns(wanted: dict[str, str], present: Iterable[str], place: str) -> dict[str, str]:
    """Check that the columns are there.

    Args:
        wanted: the name in the data for each role.
        present: the columns that the data has.
        place: what to call the data in a message, `dataset.train (reviews.csv)`.

    Raises:
        DataError: one is missing; the message lists what there is, the hint names the nearest.
    """
    names = list(present)
    for role, name in wanted.items():
        if name in names:
            continue
        raise DataError(
            f"{place} has no column {name!r}; it has {_list_names(names)}",
            hint=_suggest(role, name, names, wanted),
        )
    return wanted


def _list_names(names: list[str], limit: int = 20) -> str:
    shown = ", ".join(names[:limit]) or "no columns"
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def _suggest(role: str, name: str, names: list[str], wanted: dict[str, str]) -> str:
    if len(names) == 1 and any(sign in names[0] for sign in ";\t|"):
        return "the header is one column that holds separators: save the file with commas"
    free = [n for n in names if n not in wanted.values()]
    by_case = {n.lower(): n for n in free}
    nearest = difflib.get_close_matches(name.lower(), by_case, n=1, cutoff=0.5)
    if nearest:
        return f"set dataset.columns.{role} to {by_case[nearest[0]]!r}"
    return f"set dataset.columns.{role} to the column that holds the {role}"
