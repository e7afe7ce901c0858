"""Texts that are tried before and after training: spec.evaluation.probes. Pure.

`evaluation.materials` refuses probes that the rows of a job have no place for,
`training.examinations` asks the model.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.tables import Origin, Part, Table
from finetune_trainer.errors import ConfigError

VALUES: Mapping[Kind, Callable[[str], Any]] = {
    Kind.TEXT: lambda text: text,
    Kind.TOKENS: lambda text: text.split(),
    Kind.MESSAGES: lambda text: [{"role": "user", "content": text}],
}
"""What a text becomes in a column of each kind."""
SECOND_TEXT = "text_pair"
NEW_HEAD = (
    "the untouched model has no output layer for this task: the one that it was given is random,"
    " and so would its answers be"
)


def build_part(texts: Sequence[str], role: str | None, needs: Needs) -> Part:
    """Make rows of the texts alone; no other column is there.

    Args:
        texts: spec.evaluation.probes.
        role: the column that they fill; None where the task has none.
        needs: the columns of the job.

    Raises:
        ConfigError: one text is too little for a row.
    """
    kinds = {column.role: column.kind for column in needs.columns}
    if role is None:
        raise ConfigError(
            "evaluation.probes are texts, and a row of this task is not: remove evaluation.probes"
        )
    if SECOND_TEXT in kinds:
        raise ConfigError(
            "evaluation.probes are single texts, but dataset.columns.textPair makes every row of"
            " this job a pair: remove evaluation.probes"
        )
    convert = VALUES[kinds.get(role, Kind.TEXT)]
    table = Table({role: [convert(text) for text in texts]}, (Origin("evaluation.probes", 0),))
    return Part("probes", table, range(len(table)))


def describe_probes(
    texts: Sequence[str], before: Sequence[str] | None, after: Sequence[str]
) -> dict[str, Any]:
    """Give the content of probes.json; without answers from before it says why."""
    earlier: Sequence[str | None] = before if before is not None else [None] * len(texts)
    return {
        "beforeIsNullBecause": NEW_HEAD if before is None else None,
        "probes": [
            {"text": text, "before": was, "after": now}
            for text, was, now in zip(texts, earlier, after, strict=True)
        ],
    }
