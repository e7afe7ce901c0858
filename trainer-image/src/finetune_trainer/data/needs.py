"""What a task needs of its data; `loading` reads and checks by it.

Pure declarations: a task gives one `Needs` for the columns that a job names, and nothing about the
task is asked again until its rows are encoded.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from finetune_trainer.data.columns import Column


def read_one_label(value: Any) -> Iterable[str]:
    """Take a value for one label."""
    return (value,)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a task needs of its data.

    Attributes:
        columns: the columns, each with its kind.
        identity: the roles that identify a row: equal there means the same row.
        label_role: the column to collect labels from; None where there is none.
        read_labels: the labels in one value of that column.
        is_stratified: whether parts are held out by label; only for one label in each row.
        check_row: says what is wrong between the values of one row, by role; None when nothing is.
        minimum_labels: how many labels there must be for something to be learned.
    """

    columns: tuple[Column, ...]
    identity: tuple[str, ...]
    label_role: str | None = None
    read_labels: Callable[[Any], Iterable[str]] = read_one_label
    is_stratified: bool = True
    check_row: Callable[[Mapping[str, Any]], str | None] | None = None
    minimum_labels: int = 2

    def of_source(self, field: str) -> "Needs":
        """Leave out the columns that another source must have."""
        kept = tuple(c for c in self.columns if c.source in (None, field))
        return replace(self, columns=kept)

    @property
    def strata_role(self) -> str | None:
        """The column whose shares every part keeps."""
        return self.label_role if self.is_stratified else None
