import json
from pathlib import Path

import pytest

from finetune_api.v1alpha1.status import Resolved
from finetune_trainer.tracking.facts import MAX_VALUE_LENGTH, describe_job, flatten
from trainer_jobs import UID, TrainerJob, a_trainer_job


@pytest.fixture
def job(tmp_path: Path) -> TrainerJob:
    return a_trainer_job(tmp_path)


def test_a_run_says_whose_it_is_and_from_what_it_was_made(job: TrainerJob) -> None:
    resolved = Resolved(model_revision="a" * 40, dataset_fingerprint="b" * 16)

    facts = describe_job(job.resolve(), resolved, attempt=2)

    assert (facts.name, facts.uid, facts.experiment) == ("reviews", UID, "default/reviews")
    assert facts.tags["finetune.dev/job-namespace"] == "default"
    assert facts.tags["finetune.dev/attempt"] == "2"
    assert facts.tags["finetune.dev/model"] == "pvc://data/base"
    assert facts.tags["finetune.dev/model-revision"] == "a" * 40
    assert facts.tags["finetune.dev/dataset-fingerprint"] == "b" * 16


def test_parameters_are_the_resolved_recipe(job: TrainerJob) -> None:
    parameters = describe_job(job.resolve(), None, 1).parameters

    assert parameters["training.learningRate"] == "0.001"
    assert parameters["training.schedule.type"] == "Linear"
    assert parameters["training.schedule.warmupRatio"] == "0.06"
    assert json.loads(parameters["evaluation.metrics"])[0] == "accuracy"


def test_neither_secrets_nor_trackers_are_parameters(job: TrainerJob) -> None:
    job.with_spec(
        tracking={"mlflow": {"uri": "http://mlflow", "credentialsSecretName": "canary"}},
        model={"source": "hf://org/gated", "credentialsSecretName": "canary"},
        imagePullSecretNames=["canary"],
    )

    facts = describe_job(job.resolve(), None, 1)

    assert "canary" not in str(facts)
    assert not [name for name in facts.parameters if name.startswith("tracking")]


def test_long_values_are_cut() -> None:
    ((_, value),) = flatten({"probes": ["word"] * 1000})

    assert len(value) == MAX_VALUE_LENGTH
    assert value.endswith("…")
