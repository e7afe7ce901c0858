"""The kinds of values, one line each."""

from typing import Any

from finetune_trainer.data.kinds import texts
from finetune_trainer.data.kinds.base import Kind, ValueKind


def accept(value: Any) -> str | None:
    """Complain about nothing: what only groups or fills a template may be anything."""
    del value
    return None


KINDS: dict[Kind, ValueKind] = {
    Kind.ANY: ValueKind(accept),
    Kind.TEXT: texts.TEXT,
    Kind.LABEL: texts.LABEL,
}
