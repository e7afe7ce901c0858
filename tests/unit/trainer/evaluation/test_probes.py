from typing import Any

import pytest

from finetune_trainer.data.columns import Column
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.needs import Needs
from finetune_trainer.errors import ConfigError
from finetune_trainer.evaluation.probes import build_part, describe_probes


def needs_of(**columns: Kind) -> Needs:
    return Needs(tuple(Column(role, kind) for role, kind in columns.items()), tuple(columns))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        pytest.param(Kind.TEXT, "Ada wrote", id="a text"),
        pytest.param(Kind.TOKENS, ["Ada", "wrote"], id="words"),
        pytest.param(Kind.MESSAGES, [{"role": "user", "content": "Ada wrote"}], id="a chat"),
    ],
)
def test_a_probe_fills_its_column_in_the_column_s_own_form(kind: Kind, value: Any) -> None:
    part = build_part(["Ada wrote"], "role", needs_of(role=kind, label=Kind.LABEL))

    assert part.column("role") == [value]
    assert not part.has("label")


def test_a_task_without_a_place_for_texts_refuses_them() -> None:
    with pytest.raises(ConfigError, match=r"remove evaluation\.probes"):
        build_part(["a"], None, needs_of(image=Kind.IMAGE))


def test_a_pair_of_texts_refuses_single_ones() -> None:
    with pytest.raises(ConfigError, match=r"dataset\.columns\.textPair makes every row"):
        build_part(["a"], "text", needs_of(text=Kind.TEXT, text_pair=Kind.TEXT))


def test_answers_stand_beside_each_other() -> None:
    found = describe_probes(["a", "b"], ["x", "y"], ["y", "y"])

    assert found["beforeIsNullBecause"] is None
    assert found["probes"][0] == {"text": "a", "before": "x", "after": "y"}


def test_where_there_was_no_answer_none_is_invented() -> None:
    found = describe_probes(["a"], None, ["y"])

    assert "no output layer" in found["beforeIsNullBecause"]
    assert found["probes"] == [{"text": "a", "before": None, "after": "y"}]
