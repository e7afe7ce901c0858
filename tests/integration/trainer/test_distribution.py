"""Several processes that train one model: equal to one process, and agreed in all they decide."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from finetune_api.contract.environment import Variable
from finetune_api.contract.exit_codes import ExitCode
from finetune_trainer.__main__ import main
from finetune_trainer.preemption import Preemption
from trainer_jobs import TrainerJob, make_reviews
from trainer_processes import TrainerProcess
from trainer_ranks import (
    DIE,
    DIVERGE,
    HANG,
    PRESS_CTRL_C,
    TELL_THE_POD_TO_STOP,
    with_fault,
    without_fault,
)

SLOW = pytest.mark.slow
TOLERANCE = 1e-4
"""Sums are added in another order; three epochs of AdamW make a little more of it."""


@pytest.fixture
def shared_job(job: TrainerJob) -> TrainerJob:
    """2 epochs of 8 steps with 8 rows each, in two processes, without dropout."""
    return job.with_spec(
        resources={"nodes": 2, "gpusPerNode": 0},
        training={"batchSize": 4},
        model={"dropout": {"hidden": 0.0, "attention": 0.0}},
        evaluation={"probes": ["a superb film", "a dull film"]},
    ).with_test_rows(make_reviews(30, seed=1, offset=1000))


def run(job: TrainerJob) -> tuple[int, str]:
    return TrainerProcess(job).wait()


def run_alone(job: TrainerJob) -> None:
    """The same job in this process, with the batches of both processes together."""
    batch = job.spec["training"]["batchSize"]
    job.with_spec(resources={"nodes": 1}, training={"batchSize": 2 * batch}, distribution=None)
    assert main(job.environment(), Preemption()) == ExitCode.DONE, job.termination_log.read_text()


def read_metrics(job: TrainerJob) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((job.output / "metrics.json").read_text())
    return content


def forget(job: TrainerJob) -> None:
    shutil.rmtree(job.output, ignore_errors=True)
    shutil.rmtree(job.checkpoints, ignore_errors=True)


def are_close(left: Any, right: Any) -> bool:
    """Compare what two runs measured, number by number."""
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(are_close(left[k], right[k]) for k in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(are_close, left, right))
    if isinstance(left, float):
        return bool(abs(left - right) <= TOLERANCE)
    return bool(left == right)


FROZEN = {"type": "Full", "freeze": {"embeddings": True, "lowestLayers": 1}}
STRATEGIES = [
    pytest.param("DDP", {"type": "Full"}, id="each holds the model"),
    pytest.param("FSDP", {"type": "Full"}, id="the model is spread over both"),
    pytest.param("FSDP", FROZEN, id="what is frozen is spread as well", marks=SLOW),
    pytest.param("FSDP", {"type": "LoRA"}, id="a model with an adapter is spread", marks=SLOW),
]


@pytest.mark.parametrize(("strategy", "method"), STRATEGIES)
def test_two_processes_learn_what_one_learns(
    shared_job: TrainerJob, strategy: str, method: dict[str, Any]
) -> None:
    job = shared_job.with_spec(distribution={"strategy": strategy}, method=method)

    code, log = run(job)
    assert code == ExitCode.DONE, log
    report = job.read_outcome().report
    found = read_metrics(job)
    probes = (job.output / "probes.json").read_text()
    files = {path.name for path in job.output.iterdir()}
    forget(job)
    run_alone(job)

    assert report is not None
    assert report.resolved is not None
    assert report.resolved.effective_batch_size == 8
    assert are_close(found, read_metrics(job))
    assert json.loads(probes).keys() == json.loads((job.output / "probes.json").read_text()).keys()
    assert files == {path.name for path in job.output.iterdir()}


ENDINGS = [
    pytest.param("DDP", TELL_THE_POD_TO_STOP, id="the pod", marks=SLOW),
    pytest.param("FSDP", TELL_THE_POD_TO_STOP, id="the pod of a spread model", marks=SLOW),
    pytest.param("DDP", PRESS_CTRL_C, id="everybody in a terminal", marks=SLOW),
]


@pytest.mark.parametrize(("strategy", "ending"), ENDINGS)
def test_who_is_told_to_stop_saves_and_goes_on(
    shared_job: TrainerJob, strategy: str, ending: str
) -> None:
    """Rank 1 hears of it in the middle of a step, rank 0 at some other moment."""
    job = shared_job.with_spec(distribution={"strategy": strategy})
    with_fault(job, ending, step=4)
    code, log = run(job)
    assert code == ExitCode.PREEMPTED, log
    assert job.read_outcome().reason == "Terminated"
    saved = max(int(path.name.split("-")[1]) for path in job.checkpoints.glob("checkpoint-*"))
    assert 5 <= saved < 16
    without_fault(job)

    code, log = run(job.with_attempt(2))

    assert code == ExitCode.DONE, log
    report = job.read_outcome().report
    assert report is not None
    assert (report.resumed_from_step, report.step) == (saved, 16)
    found = read_metrics(job)
    forget(job)
    run_alone(job)
    assert are_close(found, read_metrics(job))


def test_a_fault_of_one_rank_is_the_outcome_of_all(shared_job: TrainerJob) -> None:
    """The gradient of rank 1 reaches rank 0 as well, but only rank 1 has seen the loss."""
    with_fault(shared_job, DIVERGE, step=4)

    code, log = run(shared_job)

    assert code == ExitCode.DIVERGED, log
    outcome = shared_job.read_outcome()
    assert (outcome.reason, outcome.exit_code) == ("TrainingDiverged", ExitCode.DIVERGED)
    assert "step 5" in outcome.message
    assert list(shared_job.checkpoints.glob("checkpoint-*")) == []


@pytest.mark.slow
def test_pods_meet_at_the_one_with_index_0(shared_job: TrainerJob, tmp_path: Path) -> None:
    shared_job.variables |= {Variable.LEADER_ADDRESS: "127.0.0.1", Variable.NODE_RANK: "0"}
    leader = TrainerProcess(shared_job)
    shared_job.variables[Variable.NODE_RANK] = "1"
    shared_job.variables[Variable.TERMINATION_LOG] = str(tmp_path / "other-log")
    shared_job.variables[Variable.SCRATCH_DIRECTORY] = str(tmp_path / "other-scratch")
    other = TrainerProcess(shared_job)

    report = leader.wait_for(lambda report: report["step"] > 0)
    code, log = leader.wait()

    assert report["maximumSteps"] == 16
    assert code == ExitCode.DONE, log
    code, log = other.wait()
    assert code == ExitCode.DONE, log
    assert shared_job.read_outcome().succeeded
    assert (shared_job.output / "model.safetensors").exists()


@pytest.mark.slow
def test_a_rank_that_hangs_in_a_step_ends_the_attempt(shared_job: TrainerJob) -> None:
    """The leader waits for it in a collective, without a sign of life."""
    job = shared_job.with_spec(stallTimeoutSeconds=15)
    with_fault(job, HANG, step=4)

    process = TrainerProcess(job)
    process.wait_for(lambda report: report["step"] >= 4)
    code, log = process.wait()

    assert code == ExitCode.STALLED, log
    assert job.read_outcome().reason == "TrainingStalled"
    without_fault(job)
    assert run(job.with_attempt(2))[0] == ExitCode.DONE


@pytest.mark.slow
def test_a_rank_that_is_killed_costs_no_more_than_the_steps_since_the_checkpoint(
    shared_job: TrainerJob,
) -> None:
    job = shared_job.with_spec(checkpoints={"every": "Steps", "everySteps": 3})
    with_fault(job, DIE, step=7)
    code, log = run(job)
    assert code == ExitCode.STALLED, log
    without_fault(job)

    assert run(job.with_attempt(2))[0] == ExitCode.DONE

    report = job.read_outcome().report
    assert report is not None
    assert report.resumed_from_step == 6


@pytest.mark.slow
def test_folds_are_shared_as_well(shared_job: TrainerJob) -> None:
    job = shared_job.with_spec(
        dataset={"validation": {"folds": 2}},
        evaluation={"probes": None},
        training={"epochs": 1},
    )

    code, log = run(job)

    assert code == ExitCode.DONE, log
    found = read_metrics(job)
    forget(job)
    run_alone(job)
    assert are_close(found["folds"], read_metrics(job)["folds"])
