"""Attempts that are cut short, in every way and place, and what the next one makes of it."""

import json
import resource
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from finetune_api.contract.environment import Variable
from finetune_api.contract.exit_codes import ExitCode
from finetune_api.contract.progress import CHECKPOINT_CORRUPT
from finetune_trainer import sealing
from finetune_trainer.errors import PreemptedError
from finetune_trainer.preemption import Preemption
from malices import Canary, change_json
from trainer_damages import CORRUPTIONS, STATE_FILES, Damage, reseal
from trainer_jobs import TrainerJob, a_trainer_job, make_reviews
from trainer_processes import CHECKS_BEFORE_TRAINING, PreemptAtCheck, TrainerProcess
from trainer_runs import run


def results(job: TrainerJob) -> tuple[Any, bytes]:
    metrics = json.loads((job.output / "metrics.json").read_text())
    return metrics, (job.output / "model.safetensors").read_bytes()


def steps_of(job: TrainerJob) -> list[int]:
    return sorted(int(path.name.split("-")[1]) for path in job.checkpoints.glob("checkpoint-*"))


@pytest.fixture
def long_job(job: TrainerJob) -> TrainerJob:
    """3 epochs of 8 steps with dropout, an evaluation every 3 steps, a checkpoint every 5."""
    return with_checkpoints(job)


def with_checkpoints(job: TrainerJob) -> TrainerJob:
    return job.with_spec(
        training={"epochs": 3},
        evaluation={"every": "Steps", "everySteps": 3},
        checkpoints={"every": "Steps", "everySteps": 5},
        earlyStopping={"enabled": False, "metric": "loss"},
    )


@pytest.fixture
def expected(long_job: TrainerJob) -> tuple[Any, bytes]:
    """What the job gives when nobody interrupts it."""
    assert run(long_job).succeeded
    found = results(long_job)
    shutil.rmtree(long_job.output)
    shutil.rmtree(long_job.checkpoints)
    return found


def test_a_job_that_is_preempted_everywhere_gives_the_same_model(
    long_job: TrainerJob, expected: tuple[Any, bytes]
) -> None:
    """Before training, after a step, inside evaluations, at the end of an epoch, in the export."""
    attempts = 0
    outcome = None
    while outcome is None or not outcome.succeeded:
        attempts += 1
        # Each attempt does a little more.
        outcome = run(
            long_job.with_attempt(attempts), PreemptAtCheck(CHECKS_BEFORE_TRAINING + attempts)
        )
        if not outcome.succeeded:
            assert (outcome.exit_code, outcome.reason) == (ExitCode.PREEMPTED, "Terminated")
            assert not long_job.output.exists()

    assert attempts > 5
    assert results(long_job) == expected


def test_a_step_in_parts_is_done_again_from_its_beginning(job: TrainerJob) -> None:
    job.with_spec(training={"gradientAccumulationSteps": 3, "epochs": 2})
    assert run(job).succeeded
    expected = results(job)
    shutil.rmtree(job.output)
    shutil.rmtree(job.checkpoints)

    outcome = run(job, PreemptAtCheck(CHECKS_BEFORE_TRAINING + 5))
    assert outcome.exit_code == ExitCode.PREEMPTED
    assert run(job.with_attempt(2)).succeeded

    assert results(job) == expected


def test_too_little_grace_for_a_checkpoint_leaves_the_last_one(long_job: TrainerJob) -> None:
    long_job.variables[Variable.GRACE_SECONDS] = "0"

    outcome = run(long_job, PreemptAtCheck(CHECKS_BEFORE_TRAINING + 10))

    assert outcome.exit_code == ExitCode.PREEMPTED
    assert steps_of(long_job) == [5]


def test_a_run_that_was_stopped_early_is_not_trained_on(job: TrainerJob) -> None:
    job.with_spec(training={"epochs": 10, "learningRate": 1e-9}, earlyStopping={"patience": 2})
    first = run(job)
    assert first.succeeded
    expected = results(job)
    shutil.rmtree(job.output)

    report = run(job.with_attempt(2)).report

    assert report is not None
    assert (report.resumed_from_step, report.step) == (24, 24)
    # The time of all attempts: this one has added nothing to it.
    assert report.train_seconds == (first.report.train_seconds if first.report else None)
    assert report.early_stopping is not None
    assert report.early_stopping.stopped
    assert results(job) == expected


def test_patience_goes_on_where_it_was(job: TrainerJob) -> None:
    job.with_spec(training={"epochs": 10, "learningRate": 1e-9}, earlyStopping={"patience": 3})
    first = run(job, PreemptAtCheck(CHECKS_BEFORE_TRAINING + 2 * 9 + 3))
    assert first.exit_code == ExitCode.PREEMPTED
    assert first.report is not None
    assert first.report.early_stopping is not None
    assert first.report.early_stopping.patience_remaining == 2

    report = run(job.with_attempt(2)).report

    assert report is not None
    assert report.early_stopping is not None
    assert (report.early_stopping.best_step, report.early_stopping.stopped_step) == (8, 32)


@dataclass(frozen=True)
class Interrupted:
    """A job that was interrupted when it had two checkpoints.

    Attributes:
        folder: of the pod.
        expected: what it gives when nobody interrupts it.
    """

    folder: Path
    expected: tuple[Any, bytes]

    def copy_to(self, job: TrainerJob) -> TrainerJob:
        """Give another pod what the first one left."""
        shutil.rmtree(job.volumes)
        shutil.copytree(self.folder / "volumes", job.volumes, symlinks=True)
        return with_checkpoints(job).with_attempt(2)


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Interrupted:
    job = with_checkpoints(a_trainer_job(tmp_path_factory.mktemp("pod"), tiny_bert, rows=80))
    assert run(job).succeeded
    expected = results(job)
    shutil.rmtree(job.output)
    shutil.rmtree(job.checkpoints)
    assert run(job, PreemptAtCheck(CHECKS_BEFORE_TRAINING + 17)).exit_code == ExitCode.PREEMPTED
    return Interrupted(job.folder, expected)


@pytest.mark.parametrize("name", STATE_FILES)
@pytest.mark.parametrize(
    "damage", [pytest.param(damage, id=kind) for kind, damage in CORRUPTIONS.items()]
)
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_leads_to_the_same_model(
    job: TrainerJob, interrupted: Interrupted, damage: Damage, name: str
) -> None:
    interrupted.copy_to(job)
    older, newest = steps_of(job)
    damage(job.checkpoints / f"checkpoint-{newest}", name)

    outcome = run(job)

    assert outcome.report is not None
    assert outcome.report.resumed_from_step == older
    assert outcome.report.resolved is not None
    told = f"{CHECKPOINT_CORRUPT}: checkpoint-{newest} is not used: "
    assert any(warning.startswith(told) for warning in outcome.report.resolved.warnings)
    assert (job.checkpoints / f"bad-checkpoint-{newest}").is_dir()
    assert results(job) == interrupted.expected


@pytest.mark.parametrize(
    "name", ["optimizer.pt", "rng_state.pth", "scheduler.pt", "training_args.bin"]
)
def test_a_pickle_in_a_forged_checkpoint_is_not_run(
    job: TrainerJob, interrupted: Interrupted, tmp_path: Path, name: str
) -> None:
    """Whoever may write to the volume may write the manifest, too."""
    interrupted.copy_to(job)
    newest = job.checkpoints / f"checkpoint-{steps_of(job)[-1]}"

    with Canary(tmp_path) as canary:
        (newest / name).write_bytes(canary.pickle())
        reseal(newest)
        outcome = run(job)
        assert canary.is_untouched()

    if name == "training_args.bin":  # nobody opens it
        assert results(job) == interrupted.expected
    else:
        assert outcome.exit_code == ExitCode.BAD_CONFIG
        assert f"{newest.name} holds state that this trainer has not written" in outcome.message
        assert f"delete {newest.name}" in (outcome.hint or "")


def test_the_state_of_a_forged_checkpoint_leads_nowhere(
    job: TrainerJob, interrupted: Interrupted, tmp_path: Path
) -> None:
    interrupted.copy_to(job)
    (tmp_path / "precious").mkdir()
    newest = job.checkpoints / f"checkpoint-{steps_of(job)[-1]}"
    change_json(
        newest / "trainer_state.json",
        best_model_checkpoint=str(tmp_path / "precious"),
        trial_name="../../precious",
    )
    reseal(newest)

    outcome = run(job)

    assert outcome.succeeded, outcome.message
    assert list((tmp_path / "precious").iterdir()) == []
    assert results(job) == interrupted.expected


def test_a_checkpoint_of_another_job_is_not_opened(long_job: TrainerJob) -> None:
    run(long_job, PreemptAtCheck(CHECKS_BEFORE_TRAINING + 3))
    (step,) = steps_of(long_job)
    manifest = long_job.checkpoints / f"checkpoint-{step}" / "manifest.json"
    manifest.write_text(manifest.read_text().replace(long_job.uid, "somebody-else"))

    outcome = run(long_job.with_attempt(2))

    assert outcome.report is not None
    assert outcome.succeeded
    assert outcome.report.resumed_from_step is None


@contextmanager
def files_of_at_most(count: int) -> Iterator[None]:
    """A file system that takes no larger files: the same error as a full one, without root."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_is_full_leaves_the_last_good_checkpoint(long_job: TrainerJob) -> None:
    run(long_job, PreemptAtCheck(CHECKS_BEFORE_TRAINING + 3))
    (step,) = steps_of(long_job)
    optimizer = long_job.checkpoints / f"checkpoint-{step}" / "optimizer.pt"

    with files_of_at_most(optimizer.stat().st_size - 1000):
        outcome = run(long_job.with_attempt(2))

    assert (outcome.exit_code, outcome.reason) == (ExitCode.STORAGE_FULL, "CheckpointStorageFull")
    assert steps_of(long_job) == [step]
    sealing.verify(long_job.checkpoints / f"checkpoint-{step}", "manifest.json")
    assert not list(long_job.checkpoints.glob(".tmp-*"))
    assert run(long_job.with_attempt(3)).succeeded


@pytest.fixture
def endless_job(job: TrainerJob) -> TrainerJob:
    """Long enough to be interrupted, with a checkpoint now and then."""
    return job.with_train_rows(make_reviews(400)).with_spec(
        training={"epochs": None, "maxSteps": 100_000},
        evaluation={"every": "Steps", "everySteps": 50},
        checkpoints={"every": "Steps", "everySteps": 25},
        earlyStopping={"enabled": False},
    )


def test_sigterm_saves_and_ends_with_143(endless_job: TrainerJob) -> None:
    trainer = TrainerProcess(endless_job)
    trainer.wait_for(lambda report: report["step"] >= 3)

    code = trainer.end(signal.SIGTERM)

    outcome = endless_job.read_outcome()
    assert (code, outcome.exit_code, outcome.succeeded) == (143, 143, False)
    assert outcome.report is not None
    assert outcome.report.checkpoint is not None
    newest = steps_of(endless_job)[-1]
    assert newest == outcome.report.step == outcome.report.checkpoint.step
    sealing.verify(endless_job.checkpoints / f"checkpoint-{newest}", "manifest.json")
    # The check after the first step of the next attempt.
    report = run(endless_job.with_attempt(2), PreemptAtCheck(CHECKS_BEFORE_TRAINING + 1)).report
    assert report is not None
    assert report.resumed_from_step == newest


def test_a_killed_process_goes_on_from_its_newest_checkpoint(endless_job: TrainerJob) -> None:
    trainer = TrainerProcess(endless_job)
    trainer.wait_for(lambda report: report.get("checkpoint", {}).get("step", 0) >= 50)
    assert trainer.end(signal.SIGKILL) == -signal.SIGKILL
    assert not endless_job.termination_log.exists()
    newest = steps_of(endless_job)[-1]

    class LeaveSoon(Preemption):
        """Stops at the first step after the restart."""

        def check(self) -> None:
            if steps_of(endless_job)[-1] >= newest and self.seen_training():
                raise PreemptedError("enough was seen")

        def seen_training(self) -> bool:
            self.checks = getattr(self, "checks", 0) + 1
            return self.checks > CHECKS_BEFORE_TRAINING

    report = run(endless_job.with_attempt(2), LeaveSoon()).report

    assert report is not None
    assert report.resumed_from_step == newest
    assert report.step == newest + 1
    assert report.history
