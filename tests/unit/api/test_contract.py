import json

import pytest

from finetune_api.contract.exit_codes import MEANINGS, PERMANENT_EXIT_CODES, ExitCode
from finetune_api.contract.outcomes import MAX_BYTES, Outcome, decode_outcome, encode_outcome
from finetune_api.contract.progress import ProgressReport
from finetune_api.contract.resolved_jobs import hash_spec, resolve_job
from finetune_api.v1alpha1 import parse_job
from finetune_api.v1alpha1.status import (
    Artifact,
    HistoryPoint,
    Metric,
    Metrics,
    Resolved,
    SliceGap,
)
from manifests import build_manifest


def a_report(points: int = 0, warnings: int = 0) -> ProgressReport:
    return ProgressReport(
        job_uid="u",
        attempt=1,
        report_time="2026-01-01T00:00:00Z",
        history=tuple(HistoryPoint(step=i, loss=i / 7) for i in range(points)),
        resolved=Resolved(warnings=["w" * 200] * warnings, labels=["l" * 100] * 20),
    )


def test_every_exit_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ExitCode)


def test_permanent_codes_are_those_that_are_not_retried() -> None:
    assert PERMANENT_EXIT_CODES == (64, 65, 66, 77, 79, 80, 81, 82)


def test_an_outcome_survives_the_termination_message() -> None:
    outcome = Outcome(exit_code=0, succeeded=True, reason="Succeeded", report=a_report(points=3))

    assert decode_outcome(encode_outcome(outcome).decode()) == outcome


@pytest.mark.parametrize(
    ("points", "warnings", "message"),
    [(200, 0, ""), (0, 10, ""), (200, 10, "x" * 9000), (0, 0, "ü" * 9000)],
)
def test_an_outcome_is_shortened_to_what_a_kubelet_keeps(
    points: int, warnings: int, message: str
) -> None:
    outcome = Outcome(
        exit_code=65,
        succeeded=False,
        reason="BadData",
        message=message,
        hint="h" * 3000,
        artifacts=[Artifact(name="model", uri="pvc://c/" + "p" * 500)] * 16,
        report=a_report(points, warnings),
    )

    encoded = encode_outcome(outcome)

    assert len(encoded) <= MAX_BYTES
    decoded = decode_outcome(encoded.decode())
    assert decoded is not None
    assert (decoded.exit_code, decoded.reason) == (65, "BadData")


def test_long_names_of_groups_go_before_the_rest_of_the_report() -> None:
    gap = SliceGap(
        column="c" * 128,
        metric="f1",
        best="b" * 128,
        best_value=0.9,
        worst="w" * 128,
        worst_value=0.1,
        gap=0.8,
    )
    metrics = Metrics(test=[Metric(name="f1", value=0.5)], slices=[gap] * 8)
    report = a_report().model_copy(update={"metrics": metrics})

    encoded = encode_outcome(
        Outcome(exit_code=79, succeeded=False, reason="QualityGateFailed", report=report)
    )

    decoded = decode_outcome(encoded.decode())
    assert decoded is not None
    assert decoded.report is not None
    assert decoded.report.metrics == Metrics(test=[Metric(name="f1", value=0.5)])


@pytest.mark.parametrize(
    ("evaluation", "metric", "measured"),
    [
        pytest.param({"minimum": 0.5}, "f1", ["accuracy", "f1"], id="what early stopping follows"),
        pytest.param(
            {"minimum": 0.5, "metric": "mcc"}, "mcc", ["accuracy", "f1", "mcc"], id="one of its own"
        ),
    ],
)
def test_what_a_gate_judges_by_is_named_and_measured(
    evaluation: dict[str, object], metric: str, measured: list[str]
) -> None:
    manifest = build_manifest({"spec.evaluation": {"gate": evaluation, "metrics": ["accuracy"]}})

    spec = resolve_job(parse_job(manifest)).spec

    assert spec.evaluation.gate is not None
    assert spec.evaluation.gate.metric == metric
    assert spec.evaluation.metrics == measured


@pytest.mark.parametrize("message", [None, "", "Killed", "{", '{"a": 1}', "null"])
def test_a_foreign_termination_message_is_no_outcome(message: str | None) -> None:
    assert decode_outcome(message) is None


def test_defaults_that_depend_on_other_fields_are_filled_in() -> None:
    resolved = resolve_job(parse_job(build_manifest({"metadata.uid": "0123456789"})))

    assert resolved.spec.training.epochs == 3
    assert resolved.spec.training.learning_rate == 2e-5
    assert resolved.spec.training.schedule.warmup_ratio == 0.06
    assert resolved.spec.early_stopping.metric == "f1"
    assert resolved.spec.evaluation.batch_size == 64
    assert resolved.output_uri == "pvc://reviews/model"
    assert resolved.checkpoints_uri == "pvc://reviews/checkpoints/reviews-0123456789"


@pytest.mark.parametrize(
    ("changes", "claim"),
    [
        pytest.param(
            {"spec.output": {"destination": "pvc://models/x"}}, "models", id="beside the output"
        ),
        pytest.param(
            {"spec.checkpoints": {"volume": {"claimName": "runs"}}}, "runs", id="on a claim"
        ),
        pytest.param(
            {"spec.checkpoints": {"volume": {"size": "1Gi"}}},
            "reviews-checkpoints",
            id="on a new claim",
        ),
    ],
)
def test_checkpoints_lie_where_the_spec_says(changes: dict[str, object], claim: str) -> None:
    resolved = resolve_job(parse_job(build_manifest(changes)))

    assert resolved.checkpoints_uri.startswith(f"pvc://{claim}/checkpoints/reviews-local-")


def test_a_resolved_job_reads_back_as_it_was_written() -> None:
    resolved = resolve_job(parse_job(build_manifest({"spec.training": {"epochs": 5}})))

    assert type(resolved).model_validate_json(resolved.model_dump_json(by_alias=True)) == resolved
    json.loads(resolved.model_dump_json(by_alias=True))


def test_what_may_change_does_not_change_the_hash() -> None:
    plain = parse_job(build_manifest())
    changed = parse_job(build_manifest({"spec.suspend": True, "spec.ttlSecondsAfterFinished": 5}))
    other = parse_job(build_manifest({"spec.training": {"seed": 7}}))

    assert hash_spec(plain.spec) == hash_spec(changed.spec) != hash_spec(other.spec)
