"""The columns of the data: what each holds, and what to say when one is not there."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.errors import DataError

SLICE_PREFIX = "slice of "
"""Begins the role of a column that only sorts rows into groups."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column that a task needs.

    Attributes:
        role: its attribute in spec.dataset.columns, or what the table calls it.
        kind: what its values are.
        name: its name in the data; None: what spec.dataset.columns says for the role.
        template: what its values are made by, out of the columns named in it; None: they are read.
        source: the field of the only source that must have it, `dataset.test`; None: all must.
    """

    role: str
    kind: Kind
    name: str | None = None
    template: str | None = None
    source: str | None = None


def is_placeholder(role: str) -> bool:
    """Tell whether a column only fills a place of dataset.textTemplate."""
    return role.startswith("{")


def name_field(role: str) -> str:
    """Name the field of a job that says which column plays a role, as it is written in YAML."""
    if role.startswith(SLICE_PREFIX):
        return "evaluation.slices.columns"
    first, *others = role.split("_")
    camel = first + "".join(word.capitalize() for word in others)
    return "dataset.textTemplate" if is_placeholder(role) else f"dataset.columns.{camel}"


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
    if is_placeholder(role):
        wanted_name = by_case[nearest[0]] if nearest else "a column that is there"
        return f"write {{{wanted_name}}} in dataset.textTemplate"
    if role.startswith(SLICE_PREFIX):
        found = f"{by_case[nearest[0]]!r}" if nearest else "one of these"
        return f"name {found} in {name_field(role)}, or add the column to the data"
    if nearest:
        return f"set {name_field(role)} to {by_case[nearest[0]]!r}"
    return f"set {name_field(role)} to the column that holds the {role.replace('_', ' ')}"
