import json
from pathlib import Path

import pytest

from cli_builders import build_job, build_outcome
from kubectl_finetune.local.attempts import (
    Attempt,
    begin_attempt,
    build_environment,
    find_finished_outcome,
)
from kubectl_finetune.local.layouts import Layout
from kubectl_finetune.local.machines import Machine

MACHINE = Machine(cores=8, has_gpu=True)
ATTEMPT = Attempt(number=2, job_uid="local-1", report_port=4711, log_offset=0)


def test_attempts_count_up_while_the_job_stays_the_same(tmp_path: Path) -> None:
    layout, job = Layout(tmp_path), build_job()

    numbers = [begin_attempt(layout, job).number for _ in range(3)]

    assert numbers == [1, 2, 3]


def test_a_changed_job_begins_again_at_one(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    begin_attempt(layout, build_job())

    attempt = begin_attempt(layout, build_job({"spec.training": {"epochs": 7}}))

    assert attempt.number == 1


def test_the_job_file_is_the_resolved_job(tmp_path: Path) -> None:
    begin_attempt(Layout(tmp_path), build_job())

    written = json.loads((tmp_path / "job.json").read_text())

    assert written["outputUri"] == "pvc://reviews/model"
    assert written["spec"]["training"]["learningRate"] == 2e-5


def test_the_outcome_of_an_earlier_attempt_is_not_taken_for_ours(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.outcome_file.write_text(build_outcome().model_dump_json(by_alias=True))

    begin_attempt(layout, build_job())

    assert not layout.outcome_file.exists()


def test_the_log_of_an_attempt_begins_where_the_earlier_one_ended(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.trainer_log.write_text("earlier\n")

    assert begin_attempt(layout, build_job()).log_offset == 8


def test_a_finished_job_is_recognised(tmp_path: Path) -> None:
    layout, job = Layout(tmp_path), build_job()
    begin_attempt(layout, job)
    layout.outcome_file.write_text(build_outcome().model_dump_json(by_alias=True))

    assert find_finished_outcome(layout, job) == build_outcome()


@pytest.mark.parametrize(
    ("outcome", "changes"),
    [
        pytest.param({"succeeded": False, "exitCode": 65}, {}, id="a failed one"),
        pytest.param({}, {"spec.training": {"epochs": 7}}, id="another spec"),
    ],
)
def test_an_unfinished_job_is_trained(
    tmp_path: Path, outcome: dict[str, object], changes: dict[str, object]
) -> None:
    layout = Layout(tmp_path)
    begin_attempt(layout, build_job())
    layout.outcome_file.write_text(build_outcome(**outcome).model_dump_json(by_alias=True))

    assert find_finished_outcome(layout, build_job(changes)) is None


def test_the_trainer_gets_the_environment_of_a_pod(tmp_path: Path) -> None:
    environment = build_environment(Layout(tmp_path), build_job(), ATTEMPT, MACHINE, {"A": "b"})

    assert environment["A"] == "b"
    assert environment["FINETUNE_JOB_FILE"] == str(tmp_path / "job.json")
    assert environment["FINETUNE_VOLUMES_DIRECTORY"] == str(tmp_path / "volumes")
    assert environment["FINETUNE_TERMINATION_LOG"] == str(tmp_path / "outcome.json")
    assert environment["FINETUNE_ATTEMPT"] == "2"
    assert environment["FINETUNE_REPORT_ADDRESS"] == "127.0.0.1"
    assert environment["FINETUNE_REPORT_PORT"] == "4711"
    assert environment["FINETUNE_CPU_MILLICORES"] == "2000"


@pytest.mark.parametrize(
    ("gpus", "visible"),
    [
        pytest.param(0, "", id="a job without GPU sees none"),
        pytest.param(1, None, id="a job with a GPU sees what there is"),
    ],
)
def test_gpus_are_hidden_from_a_job_that_asks_for_none(
    tmp_path: Path, gpus: int, visible: str | None
) -> None:
    job = build_job({"spec.resources": {"gpusPerNode": gpus}})

    environment = build_environment(Layout(tmp_path), job, ATTEMPT, MACHINE, {})

    assert environment.get("CUDA_VISIBLE_DEVICES") == visible
