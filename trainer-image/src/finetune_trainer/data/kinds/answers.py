"""Answers to a question: what they say, and where in the context they begin.

One spelling, {"text": […], "answer_start": […]}, for the ways in which data sets write them. Two
empty lists say that the context does not hold the answer.
"""

from collections.abc import Mapping
from typing import Any

from finetune_trainer.data.kinds.base import ValueKind, parse_structure


def read_answers(value: Any) -> Any:
    """Read answers: an object of lists, of single values, a list of objects, or JSON text."""
    found = parse_structure(value)
    if found is None or found in ("", [], {}):
        return {"text": [], "answer_start": []}
    if isinstance(found, list) and all(isinstance(entry, Mapping) for entry in found):
        return {name: [entry.get(name) for entry in found] for name in ("text", "answer_start")}
    if isinstance(found, Mapping) and {"text", "answer_start"} <= set(found):
        return {name: _as_list(found[name]) for name in ("text", "answer_start")}
    return found


def complain_about_answers(value: Any) -> str | None:
    """Say what is wrong with answers."""
    if not isinstance(value, Mapping) or set(value) != {"text", "answer_start"}:
        return f"{value!r:.60} where {{'text': […], 'answer_start': […]}} belongs"
    texts, starts = value["text"], value["answer_start"]
    if len(texts) != len(starts):
        return f"{len(texts)} answers but {len(starts)} places where they start"
    for text, start in zip(texts, starts, strict=True):
        if not isinstance(text, str) or not text.strip():
            return f"{text!r:.40} as an answer; where there is none, the lists are empty"
        if isinstance(start, bool) or not isinstance(start, int) or start < 0:
            return f"{start!r:.40} as the place where {text!r:.40} starts"
    return None


def complain_about_places(row: Mapping[str, Any]) -> str | None:
    """Check that the context of a row holds each of its answers where it is said to."""
    context, answers = row["context"], row["answers"]
    for text, start in zip(answers["text"], answers["answer_start"], strict=True):
        held = context[start : start + len(text)]
        if held == text:
            continue
        place = context.find(text)
        found = "is nowhere in the context" if place < 0 else f"begins at {place}"
        return (
            f"the answer {text!r:.60} at answer_start {start}, where the context has"
            f" {held!r:.60}; it {found}"
        )
    return None


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


ANSWERS = ValueKind(complain_about_answers, read_answers)
