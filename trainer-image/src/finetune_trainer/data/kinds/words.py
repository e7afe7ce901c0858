"""Texts as words, and one tag for each of them."""

from typing import Any

from finetune_trainer.data.kinds.base import ValueKind, parse_structure
from finetune_trainer.data.labels import format_label


def split_words(value: Any) -> Any:
    """Read words: a list, a list as JSON text, or text with spaces between the words."""
    found = parse_structure(value)
    return found.split() if isinstance(found, str) else found


def complain_about_words(value: Any) -> str | None:
    """Say what is wrong with a list of words."""
    if not isinstance(value, list):
        return _miss_list(value, "words")
    if not value:
        return "no words"
    for place, word in enumerate(value, 1):
        if not isinstance(word, str) or not word.strip():
            return f"{word!r:.40} as its word {place}"
    return None


def split_tags(value: Any) -> Any:
    """Read tags, as words are read; numbers are tags too."""
    found = split_words(value)
    return [format_label(tag) for tag in found] if isinstance(found, list) else found


def complain_about_tags(value: Any) -> str | None:
    """Say what is wrong with a list of tags."""
    if not isinstance(value, list):
        return _miss_list(value, "tags")
    place = next((number for number, tag in enumerate(value, 1) if tag is None), None)
    return None if place is None else f"no tag for its word {place}"


def _miss_list(value: Any, name: str) -> str:
    if value is None:
        return f"no {name}"
    return f"a {type(value).__name__} where the list of {name} belongs ({value!r:.40})"


TOKENS = ValueKind(complain_about_words, split_words)
TAGS = ValueKind(complain_about_tags, split_tags)
