"""Texts and labels, one or several for each row."""

from collections import Counter
from typing import Any

from finetune_trainer.data.kinds.base import ValueKind, parse_structure
from finetune_trainer.data.labels import format_label

LABEL_SEPARATOR = "|"


def complain_about_text(value: Any) -> str | None:
    """Say what is wrong with a text."""
    if value is None:
        return "no text"
    if not isinstance(value, str):
        return f"a {type(value).__name__} where the text belongs ({value!r:.40})"
    return None if value.strip() else "an empty text"


def complain_about_label(value: Any) -> str | None:
    """Say what is wrong with a label."""
    return "no label" if value is None else None


def split_labels(value: Any) -> Any:
    """Read several labels: a list, a list as JSON text, or `funny|short`; none is an empty list."""
    found = parse_structure(value)
    if found is None:
        return []
    if isinstance(found, str):
        return [name for part in found.split(LABEL_SEPARATOR) if (name := format_label(part))]
    if not isinstance(found, list):
        return found
    return [format_label(part) for part in found]


def complain_about_labels(value: Any) -> str | None:
    """Say what is wrong with several labels; a row may have none of them."""
    if not isinstance(value, list):
        return f"a {type(value).__name__} where the list of labels belongs ({value!r:.40})"
    if any(label is None for label in value):
        return "an empty label in its list"
    label, count = next(iter(Counter(value).most_common(1)), (None, 0))
    return f"the label {label!r} {count} times" if count > 1 else None


TEXT = ValueKind(complain_about_text)
LABEL = ValueKind(complain_about_label, format_label)
LABELS = ValueKind(complain_about_labels, split_labels)
