"""Whole runs in this process, with a tiny model: from the job file to the sealed result."""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from finetune_api.contract.exit_codes import ExitCode
from finetune_api.v1alpha1.status import Metric
from trainer_jobs import TrainerJob, make_reviews, write_csv
from trainer_runs import run, run_well


def values(metrics: list[Metric] | None) -> dict[str, float]:
    return {metric.name: metric.value for metric in metrics or ()}


def read_metrics(job: TrainerJob) -> Any:
    return json.loads((job.output / "metrics.json").read_text())


def test_a_run_beats_its_baseline_and_leaves_a_model_that_loads(job: TrainerJob) -> None:
    job.with_train_rows(make_reviews(300)).with_test_rows(make_reviews(100, seed=9, offset=900))
    job.with_spec(training={"epochs": 4, "learningRate": 0.003})

    outcome = run_well(job)

    report = outcome.report
    assert report is not None
    assert report.metrics is not None
    assert values(report.metrics.test_baseline)["accuracy"] == 0.5
    assert values(report.metrics.test)["accuracy"] > 0.9
    assert values(report.metrics.best)["f1"] > values(report.metrics.baseline)["f1"]
    assert (report.phase, report.step, report.maximum_steps) == ("Done", 120, 120)
    assert {a.name for a in outcome.artifacts} == {"model", "metrics", "checkpoints"}
    assert classify(job, "this film was superb and lovely") == "positive"
    assert classify(job, "this film was awful and dull") == "negative"


def classify(job: TrainerJob, text: str) -> str:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(job.output)
    model = AutoModelForSequenceClassification.from_pretrained(job.output).eval()
    logits = model(**tokenizer(text, return_tensors="pt")).logits
    label: str = model.config.id2label[int(logits.argmax())]
    return label


def test_the_same_job_gives_the_same_metrics(job: TrainerJob) -> None:
    run_well(job)
    first = (job.output / "metrics.json").read_bytes()
    job.uid = "another-uid"

    run_well(job)

    assert (job.output / "metrics.json").read_bytes() == first


def test_what_the_job_runs_with_is_reported(job: TrainerJob) -> None:
    report = run_well(job).report

    assert report is not None
    assert report.resolved is not None
    resolved = report.resolved
    assert resolved.model_revision is not None
    assert resolved.parameters is not None
    assert resolved.rows == {"train": 64, "validation": 16}
    assert (resolved.precision, resolved.effective_batch_size, resolved.seed) == ("Float32", 8, 42)
    assert resolved.labels == ["negative", "positive"]
    assert any("validation has 16 rows" in warning for warning in resolved.warnings)


def test_an_attempt_after_the_seal_succeeds_without_training(job: TrainerJob) -> None:
    """The pod was killed between the export and its exit."""
    run_well(job)
    (job.claim / "train.csv").unlink()

    outcome = run_well(job.with_attempt(2))

    assert outcome.report is not None
    assert outcome.report.attempt == 1
    assert outcome.artifacts[0].sha256


def test_training_stops_when_nothing_gets_better(job: TrainerJob) -> None:
    # With such a rate nothing is learned: the first evaluation stays the best one.
    job.with_spec(training={"epochs": 10, "learningRate": 1e-9}, earlyStopping={"patience": 2})

    report = run_well(job).report

    assert report is not None
    stopping = report.early_stopping
    assert stopping is not None
    assert (stopping.stopped, stopping.reason, stopping.best_step) == (True, "NoImprovement", 8)
    assert (stopping.stopped_step, stopping.steps_saved) == (24, 56)
    assert report.step == 24


def test_training_stops_at_the_target_and_between_checkpoints(job: TrainerJob) -> None:
    job.with_spec(
        earlyStopping={"metric": "loss", "target": 0.8},
        evaluation={"every": "Steps", "everySteps": 3},
    )

    report = run_well(job).report

    assert report is not None
    assert report.early_stopping is not None
    assert (report.early_stopping.reason, report.step) == ("TargetReached", 3)
    assert report.checkpoint is not None
    assert report.checkpoint.step == 3


def test_the_best_model_is_exported_and_not_the_last(job: TrainerJob) -> None:
    # Judged by rows that say the opposite: the more it learns, the worse it does.
    opposite = {"positive": "negative", "negative": "positive"}
    rows = [row | {"label": opposite[row["label"]]} for row in make_reviews(32, seed=1, offset=500)]
    write_csv(job.claim / "validation.csv", rows)
    job.with_spec(
        dataset={"validation": {"source": "pvc://data/validation.csv"}},
        training={"epochs": 5, "learningRate": 0.003, "schedule": {"type": "Constant"}},
        earlyStopping={"enabled": False, "metric": "loss"},
    )

    run_well(job)

    found = read_metrics(job)
    losses = [p["evaluationLoss"] for p in found["history"] if "evaluationLoss" in p]
    assert found["best"]["loss"] == pytest.approx(min(losses), abs=1e-6)
    assert losses[-1] > 2 * min(losses)


@pytest.mark.parametrize(
    "training",
    [
        pytest.param({"schedule": {"type": "Cosine"}}, id="Cosine"),
        pytest.param({"schedule": {"type": "CosineWithRestarts"}}, id="CosineWithRestarts"),
        pytest.param({"schedule": {"type": "Polynomial"}}, id="Polynomial"),
        pytest.param({"schedule": {"type": "Constant"}}, id="Constant"),
        pytest.param({"schedule": {"type": "ConstantWithWarmup"}}, id="ConstantWithWarmup"),
        pytest.param({"schedule": {"type": "InverseSqrt"}}, id="InverseSqrt"),
        pytest.param({"schedule": {"type": "ReduceOnPlateau"}}, id="ReduceOnPlateau"),
        pytest.param({"schedule": {"type": "WarmupStableDecay"}}, id="WarmupStableDecay"),
        pytest.param({"optimizer": "Adafactor"}, id="Adafactor"),
        pytest.param({"optimizer": "SGD"}, id="SGD"),
        pytest.param({"precision": "BFloat16"}, id="BFloat16"),
        pytest.param({"labelSmoothing": 0.1, "neftuneNoiseAlpha": 5}, id="smoothing and noise"),
        pytest.param({"gradientAccumulationSteps": 3}, id="accumulation"),
        pytest.param({"gradientCheckpointing": True}, id="gradient checkpointing"),
        pytest.param({"maxGradNorm": 0}, id="no clipping"),
        pytest.param({"epochs": None, "maxSteps": 5}, id="maxSteps within an epoch"),
        pytest.param(
            {"layerwiseLearningRateDecay": 0.9, "headLearningRate": 0.01}, id="layer-wise rates"
        ),
    ],
)
def test_every_part_of_the_recipe_trains(job: TrainerJob, training: dict[str, Any]) -> None:
    outcome = run_well(job.with_spec(training={"epochs": 1} | training))

    assert outcome.report is not None
    assert outcome.report.step == outcome.report.maximum_steps


def test_batches_that_are_accumulated_are_averaged(job: TrainerJob) -> None:
    """The library adds them up for classifiers, and so the gradients: huge first losses tell it."""
    job.with_spec(training={"epochs": 1, "gradientAccumulationSteps": 4})

    run_well(job)

    assert read_metrics(job)["history"][0]["loss"] == pytest.approx(math.log(2), abs=0.05)


def test_only_the_metrics_that_were_asked_for_are_reported(job: TrainerJob) -> None:
    job.with_spec(evaluation={"metrics": ["accuracy"]}, earlyStopping={"metric": "mcc"})

    report = run_well(job).report

    assert report is not None
    assert report.metrics is not None
    assert set(values(report.metrics.best)) == set(values(report.metrics.baseline))
    assert set(values(report.metrics.best)) == {"accuracy", "mcc"}


def test_frozen_weights_stay_as_they_are(job: TrainerJob) -> None:
    job.with_spec(method={"freeze": {"embeddings": True, "lowestLayers": 1}})

    report = run_well(job).report

    before = load_file(job.claim / "base" / "model.safetensors")
    after = load_file(job.output / "model.safetensors")
    moved = {n for n in before if not before[n].equal(after[f"bert.{n}"])}
    assert moved
    assert all(name.startswith(("encoder.layer.1.", "pooler.")) for name in moved)
    assert report is not None
    assert report.resolved is not None
    assert report.resolved.parameters is not None
    assert report.resolved.parameters.trainable < report.resolved.parameters.total


def test_a_model_that_has_the_labels_already_is_its_own_baseline(job: TrainerJob) -> None:
    job.with_train_rows(make_reviews(300)).with_spec(training={"epochs": 4, "learningRate": 0.003})
    run_well(job)
    job.uid = "second-uid"
    job.with_spec(model={"source": "pvc://data/model"}, output={"destination": "pvc://data/second"})

    report = run_well(job).report

    assert report is not None
    assert report.metrics is not None
    assert values(report.metrics.baseline)["accuracy"] > 0.9


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        pytest.param(
            {"method": {"freeze": {"lowestLayers": 12}}},
            ExitCode.BAD_CONFIG,
            "method.freeze.lowestLayers is 12, but the model has 2 layers",
            id="more layers than there are",
        ),
        pytest.param(
            {"method": {"freeze": {"modules": ["roberta.*"]}}},
            ExitCode.BAD_CONFIG,
            "method.freeze.modules: 'roberta.*' matches no parameter",
            id="a pattern that matches nothing",
        ),
    ],
)
def test_what_only_the_model_shows_ends_with_its_code(
    job: TrainerJob, changes: dict[str, Any], code: ExitCode, message: str
) -> None:
    outcome = run(job.with_spec(**changes))

    assert outcome.exit_code == code
    assert message in outcome.message


def test_a_loss_that_is_no_number_ends_the_run_before_anything_is_saved(
    job: TrainerJob, tiny_bert: Path
) -> None:
    """One word of the vocabulary is poisoned, and one row alone has it."""
    broken = job.claim / "poisoned"
    shutil.copytree(tiny_bert, broken)
    poison_word(broken, "tedious")
    rows = make_reviews(80)
    rows[40]["text"] += " tedious"
    write_csv(job.claim / "validation.csv", make_reviews(20, seed=3, offset=700))
    job.with_train_rows(rows).with_spec(
        model={"source": "pvc://data/poisoned"},
        dataset={"validation": {"source": "pvc://data/validation.csv"}},
        checkpoints={"every": "Steps", "everySteps": 1, "keep": 100},
        evaluation={"every": "Steps", "everySteps": 100},
    )

    outcome = run(job)

    assert outcome.exit_code == ExitCode.DIVERGED
    assert outcome.report is not None
    step = outcome.report.step + 1
    assert f"the loss became nan at step {step}; nothing was saved since" in outcome.message
    saved = sorted(job.checkpoints.glob("checkpoint-*/model.safetensors"))
    assert len(saved) == step - 1
    poisoned = load_file(broken / "model.safetensors")
    for path in saved:
        weights = load_file(path)
        assert all(
            bool(weights[f"bert.{name}"].isfinite().all())
            for name in poisoned
            if poisoned[name].isfinite().all()
        )


def poison_word(folder: Path, word: str) -> None:
    from transformers import AutoTokenizer

    path = folder / "model.safetensors"
    weights = load_file(path)
    number = AutoTokenizer.from_pretrained(folder).convert_tokens_to_ids(word)
    weights["embeddings.word_embeddings.weight"][number] = float("nan")
    save_file(weights, path, metadata={"format": "pt"})


def test_a_model_of_an_unknown_kind_is_refused(job: TrainerJob, tiny_bert: Path) -> None:
    broken = job.claim / "unknown"
    shutil.copytree(tiny_bert, broken)
    config = json.loads((broken / "config.json").read_text())
    code = {"AutoConfig": "modeling.Config", "AutoModelForSequenceClassification": "modeling.Model"}
    (broken / "config.json").write_text(json.dumps(config | {"model_type": "x", "auto_map": code}))
    (broken / "modeling.py").write_text("raise SystemExit('code of the model was run')")

    outcome = run(job.with_spec(model={"source": "pvc://data/unknown"}))

    assert outcome.exit_code == ExitCode.BAD_CONFIG
    assert "'x', which transformers" in outcome.message


def test_weights_of_another_shape_are_refused(job: TrainerJob, tiny_bert: Path) -> None:
    broken = job.claim / "mixed-up"
    shutil.copytree(tiny_bert, broken)
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps(config | {"intermediate_size": 128}))

    outcome = run(job.with_spec(model={"source": "pvc://data/mixed-up"}))

    assert outcome.exit_code == ExitCode.BAD_CONFIG
    assert "the weights do not fit config.json" in outcome.message
