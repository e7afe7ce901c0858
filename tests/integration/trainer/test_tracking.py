"""Trackers as a job meets them: a real MLflow server with a password, and event files."""

import importlib
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from finetune_api.contract.exit_codes import ExitCode
from finetune_api.contract.outcomes import Outcome
from mlflow_server import PASSWORD, MlflowServer
from tracking_readers import read_scalars
from trainer_jobs import UID, TrainerJob, make_reviews
from trainer_processes import PreemptAtCheck, TrainerProcess
from trainer_runs import run

MOST_DELAY_SECONDS = 30.0
CHECKS_UNTIL_STEP_7 = 13


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    with MlflowServer(tmp_path_factory.mktemp("mlflow")) as running:
        yield running


@pytest.fixture
def opened(server: MlflowServer, monkeypatch: pytest.MonkeyPatch) -> MlflowServer:
    """The server, with its keys in the environment of this process."""
    # A run of seconds would be over before the client is imported.
    importlib.import_module("mlflow.tracking")
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)
    return server


def track(job: TrainerJob, server: MlflowServer, experiment: str) -> TrainerJob:
    return job.with_spec(
        tracking={"mlflow": {"uri": server.uri, "experimentName": experiment}},
        earlyStopping={"enabled": False},
    )


def find_warnings(outcome: Outcome) -> list[str]:
    assert outcome.report is not None
    assert outcome.report.resolved is not None
    return [w for w in outcome.report.resolved.warnings if w.startswith("MLflow: ")]


@contextmanager
def a_server_that_hangs() -> Iterator[str]:
    """Take every connection, and never answer."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taken: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    taken.append(listening.accept()[0])
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        for connection in taken:
            connection.close()


@contextmanager
def a_server_that_is_down() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    yield f"http://127.0.0.1:{port}"


def test_a_job_is_read_back_from_a_real_server(job: TrainerJob, server: MlflowServer) -> None:
    """Metrics, recipe, origin and files; and the password nowhere."""
    track(job, server, "reviews").with_test_rows(make_reviews(20, seed=5, offset=500))
    job.variables |= server.variables

    code, log = TrainerProcess(job).wait()

    assert code == ExitCode.DONE, log
    metrics = json.loads((job.output / "metrics.json").read_text())
    (found,) = server.find_runs("reviews")
    assert (found["info"]["status"], found["info"]["run_name"]) == ("FINISHED", "reviews")
    latest = {metric["key"]: metric["value"] for metric in found["data"]["metrics"]}
    for kind in ("baseline", "best", "test", "testBaseline"):
        for name, value in metrics[kind].items():
            assert latest[f"{kind}/{name}"] == pytest.approx(value, abs=1e-6)
    losses = [(p["step"], p["loss"]) for p in metrics["history"] if "loss" in p]
    assert server.read_history(found, "train/loss") == [
        (step, pytest.approx(loss, abs=1e-6)) for step, loss in losses
    ]
    evaluated = [p["step"] for p in metrics["history"] if "metric" in p]
    assert [step for step, _ in server.read_history(found, "evaluation/f1")] == evaluated
    recipe = {param["key"]: param["value"] for param in found["data"]["params"]}
    assert recipe["training.learningRate"] == "0.001"
    tags = {tag["key"]: tag["value"] for tag in found["data"]["tags"]}
    assert (tags["finetune.dev/job-uid"], tags["finetune.dev/attempt"]) == (UID, "1")
    assert re.fullmatch(r"[0-9a-f]+", tags["finetune.dev/dataset-fingerprint"])
    assert {"README.md", "metrics.json", "result.json"} <= server.list_files(found).keys()
    written = [p for p in job.folder.rglob("*") if p.is_file() and not p.is_symlink()]
    assert not [path for path in written if PASSWORD.encode() in path.read_bytes()]
    assert PASSWORD not in log + json.dumps(found)


def test_an_interrupted_job_is_one_run_without_a_step_twice(
    job: TrainerJob, opened: MlflowServer
) -> None:
    track(job, opened, "interrupted").with_spec(checkpoints={"every": "Steps", "everySteps": 3})

    assert run(job, PreemptAtCheck(CHECKS_UNTIL_STEP_7)).exit_code == ExitCode.PREEMPTED
    assert run(job.with_attempt(2)).succeeded

    (found,) = opened.find_runs("interrupted")
    assert found["info"]["status"] == "FINISHED"
    for metric in ("train/loss", "train/learningRate"):
        assert [s for s, _ in opened.read_history(found, metric)] == list(range(1, 17))
    assert len(opened.read_history(found, "baseline/f1")) == 1
    tags = {tag["key"]: tag["value"] for tag in found["data"]["tags"]}
    assert tags["finetune.dev/attempt"] == "2"


def test_a_job_that_fails_is_a_run_that_failed(job: TrainerJob, opened: MlflowServer) -> None:
    track(job, opened, "failed").with_spec(evaluation={"gate": {"metric": "f1", "minimum": 1.0}})

    outcome = run(job)

    (found,) = opened.find_runs("failed")
    assert outcome.exit_code == ExitCode.QUALITY_GATE
    assert found["info"]["status"] == "FAILED"
    assert "README.md" in opened.list_files(found)


def test_a_wrong_password_is_a_warning_with_its_fix(
    job: TrainerJob, opened: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "not-the-password")

    outcome = run(track(job, opened, "refused"))

    assert outcome.succeeded
    (warning,) = find_warnings(outcome)
    assert "refuses us (401)" in warning
    assert "tracking.mlflow.credentialsSecretName" in warning
    assert opened.find_runs("refused") == []


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(a_server_that_is_down, id="down"),
        pytest.param(a_server_that_hangs, id="hanging"),
    ],
)
def test_a_server_that_does_not_work_is_a_warning_and_no_delay(
    job: TrainerJob, broken: type
) -> None:
    with broken() as uri:
        job.with_spec(tracking={"mlflow": {"uri": uri}})
        began = time.monotonic()
        outcome = run(job)

    assert outcome.succeeded
    assert time.monotonic() - began < MOST_DELAY_SECONDS
    (warning,) = find_warnings(outcome)
    assert "cannot be reached" in warning
    assert "tracking.mlflow.uri" in warning


def test_a_preempted_job_does_not_wait_for_a_server_that_hangs(job: TrainerJob) -> None:
    preemption = PreemptAtCheck(CHECKS_UNTIL_STEP_7)
    with a_server_that_hangs() as uri:
        job.with_spec(tracking={"mlflow": {"uri": uri}})
        outcome = run(job, preemption)

    assert outcome.exit_code == ExitCode.PREEMPTED
    assert preemption.count_seconds_left() > preemption.grace_seconds - 10


def test_an_interrupted_job_is_one_curve_in_tensorboard(job: TrainerJob) -> None:
    job.with_spec(
        tracking={"tensorBoard": True},
        checkpoints={"every": "Steps", "everySteps": 3},
        earlyStopping={"enabled": False},
    )

    assert run(job, PreemptAtCheck(CHECKS_UNTIL_STEP_7)).exit_code == ExitCode.PREEMPTED
    assert run(job.with_attempt(2)).succeeded

    metrics = json.loads((job.output / "metrics.json").read_text())
    scalars = read_scalars(job.output / "tensorboard")
    assert [step for step, _ in scalars["train/loss"]] == list(range(1, 17))
    assert [loss for _, loss in scalars["train/loss"]] == pytest.approx(
        [point["loss"] for point in metrics["history"] if "loss" in point], abs=1e-5
    )
    assert scalars["baseline/f1"] == [(0, pytest.approx(metrics["baseline"]["f1"], abs=1e-6))]
    assert scalars["best/f1"][-1][1] == pytest.approx(metrics["best"]["f1"], abs=1e-6)
    assert read_scalars(job.checkpoints / "tensorboard").keys() == scalars.keys()


def test_folds_are_runs_beside_each_other_in_tensorboard(job: TrainerJob) -> None:
    job.with_spec(
        tracking={"tensorBoard": True},
        dataset={"validation": {"folds": 2}},
        training={"epochs": 1},
    )

    assert run(job).succeeded

    folder = job.output / "tensorboard"
    folds = json.loads((job.output / "folds.json").read_text())
    for fold in folds["folds"]:
        scalars = read_scalars(folder / f"fold-{fold['number']}")
        assert scalars["train/loss"][-1][0] == fold["steps"]
        assert "evaluation/f1" in scalars
    whole = read_scalars(folder)
    assert whole["train/loss"][-1][0] == folds["refitSteps"]
    assert "folds/f1/mean" in whole
    assert "evaluation/f1" not in whole


def test_of_several_processes_one_tells(job: TrainerJob) -> None:
    job.with_spec(
        tracking={"tensorBoard": True},
        resources={"nodes": 2, "gpusPerNode": 0},
        earlyStopping={"enabled": False},
    )

    code, log = TrainerProcess(job).wait()

    assert code == ExitCode.DONE, log
    folder = job.output / "tensorboard"
    steps = [step for step, _ in read_scalars(folder)["train/loss"]]
    assert len(list(folder.iterdir())) == 1
    assert steps == sorted(set(steps))


def test_without_trackers_there_are_no_event_files(job: TrainerJob) -> None:
    assert run(job).succeeded

    assert not (job.output / "tensorboard").exists()
    assert not list(Path(job.checkpoints).rglob("*tfevents*"))
