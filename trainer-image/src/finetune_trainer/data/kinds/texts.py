"""Texts and labels."""

from typing import Any

from finetune_trainer.data.kinds.base import ValueKind
from finetune_trainer.data.labels import format_label


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


TEXT = ValueKind(complain_about_text)
LABEL = ValueKind(complain_about_label, format_label)
