"""The kinds of values, one line each."""

from typing import Any

from finetune_trainer.data.kinds import answers, chats, images, numbers, sounds, texts, words
from finetune_trainer.data.kinds.base import Kind, ValueKind


def accept(value: Any) -> str | None:
    """Complain about nothing: what only groups or fills a template may be anything."""
    del value
    return None


KINDS: dict[Kind, ValueKind] = {
    Kind.ANY: ValueKind(accept),
    Kind.TEXT: texts.TEXT,
    Kind.LABEL: texts.LABEL,
    Kind.LABELS: texts.LABELS,
    Kind.NUMBER: numbers.NUMBER,
    Kind.TOKENS: words.TOKENS,
    Kind.TAGS: words.TAGS,
    Kind.ANSWERS: answers.ANSWERS,
    Kind.MESSAGES: chats.MESSAGES,
    Kind.IMAGE: images.IMAGE,
    Kind.OBJECTS: images.OBJECTS,
    Kind.AUDIO: sounds.AUDIO,
}
