"""What must hold whatever happens to a pod: kills, damage, full disks, hangs, two pods at once."""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transformers

from finetune_api.contract.environment import Variable
from finetune_api.contract.exit_codes import ExitCode
from finetune_api.contract.outcomes import Outcome
from finetune_trainer import sealing
from finetune_trainer.preemption import Preemption
from language_models import make_facts, make_tiny_gpt2, make_tiny_roberta
from trainer_damages import CORRUPTIONS
from trainer_jobs import TrainerJob, a_trainer_job, make_reviews
from trainer_processes import TrainerFork, TrainerProcess
from trainer_runs import run

LOSS_TOLERANCE = 1e-6
SAVE_EVERY = 3


def read_results(job: TrainerJob) -> tuple[Any, bytes]:
    metrics = json.loads((job.output / "metrics.json").read_text())
    return metrics, (job.output / "model.safetensors").read_bytes()


def forget(job: TrainerJob) -> None:
    shutil.rmtree(job.output, ignore_errors=True)
    shutil.rmtree(job.checkpoints)


def find_whole_steps(folder: Path) -> list[int]:
    """List the checkpoints that are what their manifest says."""
    steps = []
    for path in folder.glob("checkpoint-*"):
        sealing.verify(path, "manifest.json")
        steps.append(int(path.name.rpartition("-")[2]))
    return sorted(steps)


class Recorder:
    """Notes what each batch of the training was, and its loss."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.batches: list[tuple[int, Any, float]] = []
        train_step: Any = transformers.Trainer.training_step

        def record(trainer: Any, model: Any, inputs: Any, *rest: Any) -> Any:
            rows = inputs["input_ids"].tolist()
            loss = train_step(trainer, model, inputs, *rest)
            self.batches.append((trainer.state.global_step, rows, float(loss)))
            return loss

        monkeypatch.setattr(transformers.Trainer, "training_step", record)


class PreemptAfterBatches(Preemption):
    """Is told to stop once so many batches were trained."""

    def __init__(self, recorder: Recorder, count: int) -> None:
        super().__init__()
        self._recorder = recorder
        self._count = count

    def check(self) -> None:
        if len(self._recorder.batches) >= self._count:
            self.request()
        super().check()


@pytest.mark.parametrize(
    ("training", "batches"),
    [
        pytest.param({}, 12, id="in the middle of an epoch"),
        pytest.param({}, 8, id="at the end of an epoch"),
        pytest.param({"gradientAccumulationSteps": 3}, 12, id="between accumulated steps"),
        pytest.param({"gradientAccumulationSteps": 3}, 10, id="within an accumulated step"),
    ],
)
def test_an_interrupted_run_sees_the_same_rows_with_the_same_losses(
    job: TrainerJob, monkeypatch: pytest.MonkeyPatch, training: dict[str, Any], batches: int
) -> None:
    job.with_spec(training=training, earlyStopping={"enabled": False})

    interrupt_and_compare(job, Recorder(monkeypatch), batches)


@pytest.mark.parametrize(
    ("task", "make", "training"),
    [
        pytest.param("MaskedLM", make_tiny_roberta, {}, id="masks that differ in every epoch"),
        pytest.param("CausalLM", make_tiny_gpt2, {"packing": True}, id="rows that are packed"),
    ],
)
def test_language_models_go_on_with_the_same_tokens(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    task: str,
    make: Callable[[Path], Path],
    training: dict[str, Any],
) -> None:
    """The masks and the packs of an epoch are those of an uninterrupted run, and so all metrics."""
    job = a_trainer_job(tmp_path, make(tmp_path / "tiny"))
    job.with_train_rows(make_facts(120), "train.jsonl")
    job.with_spec(task=task, training=training, earlyStopping={"enabled": False})

    interrupt_and_compare(job, Recorder(monkeypatch), 12 if task == "MaskedLM" else 5)


def interrupt_and_compare(job: TrainerJob, recorder: Recorder, batches: int) -> None:
    """Run a job with and without an interruption after so many batches, and compare all of it."""
    assert run(job).succeeded
    expected, expected_results = recorder.batches.copy(), read_results(job)
    forget(job)
    recorder.batches.clear()

    assert run(job, PreemptAfterBatches(recorder, batches)).exit_code == ExitCode.PREEMPTED
    before = recorder.batches.copy()
    recorder.batches.clear()
    outcome = run(job.with_attempt(2))

    assert outcome.report is not None
    begun = outcome.report.resumed_from_step
    assert begun
    seen = [batch for batch in before if batch[0] < begun] + recorder.batches
    assert [(step, rows) for step, rows, _ in seen] == [(step, rows) for step, rows, _ in expected]
    losses = zip(seen, expected, strict=True)
    assert all(abs(mine[2] - its[2]) <= LOSS_TOLERANCE for mine, its in losses)
    assert read_results(job) == expected_results


@pytest.mark.parametrize(
    "damage", [pytest.param(CORRUPTIONS[name], id=name) for name in ("a flipped bit", "truncated")]
)
def test_a_damaged_best_model_is_trained_again(
    job: TrainerJob, damage: Callable[[Path], None]
) -> None:
    job.with_spec(
        training={"epochs": 6, "learningRate": 1e-9},
        earlyStopping={"patience": 3},
        checkpoints={"every": "Steps", "everySteps": 4, "keep": 20},
    )
    assert run(job).succeeded
    expected = read_results(job)
    shutil.rmtree(job.output)
    (best,) = job.checkpoints.glob("best-*")
    damage(best)

    outcome = run(job.with_attempt(2))

    assert outcome.report is not None
    assert outcome.report.resolved is not None
    assert any(f"{best.name} is not used" in w for w in outcome.report.resolved.warnings)
    assert outcome.report.resumed_from_step == int(best.name.rpartition("-")[2]) - 4
    assert (job.checkpoints / f"bad-{best.name}").is_dir()
    assert read_results(job) == expected


@pytest.fixture
def killed_job(job: TrainerJob) -> TrainerJob:
    """A checkpoint every third step: much of the time goes into saving."""
    return job.with_spec(
        training={"epochs": None, "maxSteps": 100_000},
        evaluation={"every": "Steps", "everySteps": 7},
        checkpoints={"every": "Steps", "everySteps": SAVE_EVERY},
        earlyStopping={"enabled": False, "metric": "loss"},
    )


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(5, id="5 kills"),
        pytest.param(100, id="100 kills", marks=pytest.mark.slow),
    ],
)
def test_a_job_that_is_killed_at_random_goes_on_from_its_last_checkpoint(
    killed_job: TrainerJob, tmp_path: Path, kills: int
) -> None:
    """Each kill loses at most the steps since the last save, also one within a save."""
    generator = random.Random(kills)
    checkpoints, steps_file = killed_job.checkpoints, tmp_path / "steps"
    newest, torn, attempt = 0, 0, 0
    while attempt < kills:
        attempt += 1
        killed_job.variables[Variable.POD_UID] = f"pod-{attempt}"
        trainer = TrainerFork(killed_job.with_attempt(attempt), steps_file)
        if generator.random() < 0.8:
            trainer.wait_for_a_step()
        assert trainer.kill_after(generator.uniform(0.0, 1.0))
        begun = steps_file.stat().st_size
        torn += any(checkpoints.glob(".tmp-checkpoint-*"))
        whole = find_whole_steps(checkpoints)
        assert not whole or whole[-1] >= newest
        # The last step that began was not done, and so was not lost.
        assert newest + begun - 1 - (whole[-1] if whole else 0) <= SAVE_EVERY
        newest = whole[-1] if whole else 0

    outcome = run_until(killed_job.with_attempt(attempt + 1), newest + SAVE_EVERY)

    assert outcome.report is not None
    assert (outcome.report.resumed_from_step or 0) == newest
    assert newest > kills
    if kills >= 100:
        assert torn >= 5, "no kill hit a save: the test does not show what it should"


def run_until(job: TrainerJob, step: int) -> Outcome:
    class LeaveThere(Preemption):
        """Stops once there is a checkpoint of the step."""

        def check(self) -> None:
            if list(job.checkpoints.glob(f"checkpoint-{step}")):
                self.request()
            super().check()

    return run(job, LeaveThere())


def test_a_volume_that_is_full_leaves_the_last_good_checkpoint(
    job: TrainerJob, tmp_path: Path
) -> None:
    """The disk fills up in the middle of writing: the second best model has no room."""
    job.with_spec(
        training={"epochs": 6},
        evaluation={"every": "Steps", "everySteps": 2},
        checkpoints={"every": "Steps", "everySteps": 2},
        earlyStopping={"enabled": False, "metric": "loss"},
    )
    assert run_until(job, 2).exit_code == ExitCode.PREEMPTED
    used = sum(path.stat().st_size for path in job.checkpoints.rglob("*") if path.is_file())
    shutil.rmtree(job.checkpoints)
    job.checkpoints.mkdir()
    copy = tmp_path / "copy"

    command = fill_up(job.checkpoints, copy, int(used * 1.1))
    done = subprocess.run(command, env=job.environment(), capture_output=True, text=True)

    outcome = job.read_outcome()
    assert done.returncode == outcome.exit_code == ExitCode.STORAGE_FULL, done.stderr
    assert outcome.reason == "CheckpointStorageFull"
    assert "No space left on device" in outcome.message
    assert outcome.report is not None
    assert outcome.report.checkpoint is not None
    assert find_whole_steps(copy)[-1] == outcome.report.checkpoint.step
    assert not list(copy.glob(".tmp-*"))


def fill_up(folder: Path, copy: Path, count: int) -> list[str]:
    """Run the trainer with a folder that takes so many bytes, and copy it away afterwards."""
    script = (
        'mount -t tmpfs -o size="$1" tmpfs "$2" || exit 99;'
        ' "$4" -m finetune_trainer; code=$?; cp -a "$2" "$3"; exit $code'
    )
    values = [str(count), str(folder), str(copy), sys.executable]
    # A user of its own may mount in a namespace of its own.
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", *values]


LONGEST_NOTICE_SECONDS = 30
"""What may pass between the limit and the end of a process that hangs."""
HANGING = """
import sys, threading
from finetune_trainer.__main__ import main
from finetune_trainer.tasks.padding import PadToLongest

collate, batches = PadToLongest.__call__, 0

def hang_after_a_while(self, rows):
    global batches
    batches += 1
    if batches > 24:
        threading.Event().wait()
    return collate(self, rows)

PadToLongest.__call__ = hang_after_a_while
sys.exit(main())
"""


def test_a_process_that_hangs_is_ended_and_the_next_one_goes_on(job: TrainerJob) -> None:
    job.with_spec(
        training={"epochs": 6},
        stallTimeoutSeconds=3,
        checkpoints={"every": "Steps", "everySteps": 3},
    )

    trainer = TrainerProcess(job, "-c", HANGING)
    trainer.wait_for(lambda report: report["step"] >= 3)
    began = time.monotonic()
    code, log = trainer.wait()

    assert time.monotonic() - began < 3 + LONGEST_NOTICE_SECONDS
    outcome = job.read_outcome()
    assert (code, outcome.exit_code, outcome.reason) == (83, 83, "TrainingStalled")
    assert "no sign of life for 3 s in phase Train: no step" in outcome.message
    assert "hang_after_a_while" in log  # where each thread stood
    newest = find_whole_steps(job.checkpoints)[-1]
    next_outcome = run(job.with_attempt(2))
    assert next_outcome.succeeded
    assert next_outcome.report is not None
    assert next_outcome.report.resumed_from_step == newest


def test_two_pods_of_one_job_do_not_write_at_once(job: TrainerJob) -> None:
    job.with_train_rows(make_reviews(400)).with_spec(
        training={"epochs": None, "maxSteps": 100_000}, earlyStopping={"enabled": False}
    )
    job.variables[Variable.POD_UID] = "first"
    first = TrainerProcess(job)
    first.wait_for(lambda report: report["step"] >= 1)
    job.variables |= {Variable.POD_UID: "second", Variable.GRACE_SECONDS: "0.2"}

    outcome = run(job.with_attempt(2))

    assert (outcome.exit_code, outcome.reason) == (ExitCode.CHECKPOINTS_IN_USE, "CheckpointsInUse")
    assert "another pod (uid first) writes to the checkpoints of this job" in outcome.message
    assert first.process.poll() is None
    assert first.end(signal.SIGTERM) == ExitCode.PREEMPTED
    assert run_until(job, find_whole_steps(job.checkpoints)[-1]).exit_code == ExitCode.PREEMPTED
