"""What a kind of value is: how its spellings become one, and what is wrong with it.

`loading` normalises every value as soon as it is read, `checks` complains about what cannot be
learned from. Both work on plain Python values, long before torch is imported.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from finetune_trainer.data.json_texts import JsonTextError, parse_json


class Kind(StrEnum):
    """What the values of a column are."""

    ANY = "any"
    TEXT = "text"
    LABEL = "label"
    LABELS = "labels"
    NUMBER = "number"
    TOKENS = "tokens"
    TAGS = "tags"
    ANSWERS = "answers"
    MESSAGES = "messages"
    IMAGE = "image"
    OBJECTS = "objects"
    AUDIO = "audio"


def keep(value: Any) -> Any:
    """Take a value as it is."""
    return value


@dataclass(frozen=True, slots=True)
class ValueKind:
    """How values of one kind are read.

    Attributes:
        complain: says what is wrong with a normalised value; None when nothing is.
        normalize: gives one spelling for what CSV, JSON and Parquet each write in their own way;
            what it cannot read it gives back as it is, for `complain` to name.
    """

    complain: Callable[[Any], str | None]
    normalize: Callable[[Any], Any] = keep


def parse_structure(value: Any) -> Any:
    """Read a list or an object that a CSV file holds as JSON text; anything else stays."""
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    try:
        return parse_json(value)
    except JsonTextError:
        return value
