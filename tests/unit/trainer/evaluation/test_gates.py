from typing import Any

import pytest

from finetune_api.v1alpha1.evaluation import Evaluation
from finetune_api.v1alpha1.status import ForgettingMetric, SliceGap
from finetune_trainer.evaluation.gates import Measurements, find_complaints


def found(**values: Any) -> Measurements:
    given: dict[str, Any] = {"metric": "f1", "place": "the test rows", "value": 0.8}
    given["main_metric"] = "f1"
    return Measurements(**given | values)


def an_evaluation(**fields: Any) -> Evaluation:
    return Evaluation.model_validate(fields)


def with_gate(**fields: Any) -> Evaluation:
    return an_evaluation(gate=fields)


RIVAL = "pvc://data/last-week"


@pytest.mark.parametrize(
    ("evaluation", "measured", "complaint"),
    [
        pytest.param(with_gate(minimum=0.8), found(), None, id="as good as it must be"),
        pytest.param(
            with_gate(minimum=0.9),
            found(),
            "evaluation.gate.minimum: f1 is 0.8 on the test rows and must be at least 0.9",
            id="not good enough",
        ),
        pytest.param(
            with_gate(metric="loss", minimum=0.5),
            found(metric="loss", value=0.4),
            None,
            id="a loss below its limit",
        ),
        pytest.param(
            with_gate(metric="loss", minimum=0.5),
            found(metric="loss", value=0.6),
            "loss is 0.6 on the test rows and must be at most 0.5",
            id="a loss above its limit",
        ),
        pytest.param(
            with_gate(beatBaseline=True), found(baseline=0.5), None, id="better than the baseline"
        ),
        pytest.param(
            with_gate(beatBaseline=True),
            found(baseline=0.8),
            "evaluation.gate.beatBaseline: f1 is 0.8 on the test rows, no better than 0.8 before",
            id="as good as the baseline is not better",
        ),
        pytest.param(with_gate(beatModel=RIVAL), found(rival=0.8), None, id="as good as the rival"),
        pytest.param(
            with_gate(beatModel=RIVAL),
            found(rival=0.8000001),
            None,
            id="what is shown as equal is equal",
        ),
        pytest.param(
            with_gate(beatModel=RIVAL),
            found(rival=0.9),
            "evaluation.gate.beatModel: f1 is 0.8 on the test rows, worse than 0.9 of pvc://data",
            id="worse than the rival",
        ),
        pytest.param(
            with_gate(minimum=0.1),
            found(value=None),
            "evaluation.gate: f1 is no number on the test rows",
            id="nothing passes unmeasured",
        ),
        pytest.param(an_evaluation(), found(value=None), None, id="no gate asks nothing"),
    ],
)
def test_what_a_gate_demands(
    evaluation: Evaluation, measured: Measurements, complaint: str | None
) -> None:
    complaints = find_complaints(evaluation, measured)

    assert len(complaints) == (complaint is not None)
    assert (complaint or "") in "".join(complaints)


def forgotten(drop: float) -> ForgettingMetric:
    return ForgettingMetric(name="f1", before=0.9, after=0.9 - drop, drop=drop)


@pytest.mark.parametrize(
    ("limit", "drop", "passes"),
    [
        pytest.param(0.1, 0.05, True, id="little is forgotten"),
        pytest.param(0.1, 0.2, False, id="too much is forgotten"),
        pytest.param(None, 0.8, True, id="only reported"),
        pytest.param(0.0, -0.1, True, id="it got better"),
    ],
)
def test_what_may_be_forgotten(limit: float | None, drop: float, passes: bool) -> None:
    evaluation = an_evaluation(forgetting={"source": "pvc://d/g.csv", "maximumDrop": limit})

    complaints = find_complaints(evaluation, found(forgetting=[forgotten(drop)]))

    assert (complaints == []) is passes
    assert passes or "f1 got worse by 0.2 on the general rows, from 0.9 to 0.7" in complaints[0]


def gap_of(column: str, gap: float) -> SliceGap:
    return SliceGap(
        column=column,
        metric="f1",
        best="a",
        best_value=0.9,
        worst="b",
        worst_value=0.9 - gap,
        gap=gap,
    )


def test_every_column_whose_groups_are_too_far_apart_is_named() -> None:
    evaluation = an_evaluation(slices={"columns": ["age", "sex", "place"], "maximumGap": 0.1})

    complaints = find_complaints(
        evaluation, found(gaps=[gap_of("age", 0.3), gap_of("sex", 0.05), gap_of("place", 0.2)])
    )

    assert len(complaints) == 1
    assert "age is 'b'" in complaints[0]
    assert "place is 'b'" in complaints[0]
    assert "sex" not in complaints[0]


def test_all_complaints_come_in_the_order_of_the_limits() -> None:
    evaluation = an_evaluation(
        gate={"minimum": 0.9, "beatBaseline": True},
        slices={"columns": ["age"], "maximumGap": 0.1},
    )

    complaints = find_complaints(evaluation, found(baseline=0.85, gaps=[gap_of("age", 0.3)]))

    assert [c.split(":")[0].split(" ")[0] for c in complaints] == [
        "evaluation.gate.minimum",
        "evaluation.gate.beatBaseline",
        "evaluation.slices.maximumGap",
    ]
