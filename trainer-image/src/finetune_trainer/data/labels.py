"""Labels as text: one spelling for what CSV, JSON and Parquet each write in their own way."""

import difflib
import math
from collections.abc import Iterable
from typing import Any


def format_label(value: Any) -> str | None:
    """Give the label as text; None when there is none.

    1, 1.0 and "1" are one label: whole numbers become floats as soon as one row lacks its own.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip() or None


def sort_labels(labels: Iterable[str]) -> tuple[str, ...]:
    """Put labels in order; whole numbers by their value, so that 10 comes after 2."""
    distinct = set(labels)
    if all(label.lstrip("-").isdigit() for label in distinct):
        return tuple(sorted(distinct, key=int))
    return tuple(sorted(distinct))


def suggest_label(label: str, known: Iterable[str]) -> str | None:
    """Find the known label that was probably meant."""
    by_case = {name.lower(): name for name in known}
    nearest = difflib.get_close_matches(label.lower(), by_case, n=1, cutoff=0.6)
    return by_case[nearest[0]] if nearest else None
