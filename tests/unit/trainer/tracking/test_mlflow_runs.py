from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException, RestException

from finetune_trainer.tracking.mlflow_runs import MlflowRun
from finetune_trainer.tracking.records import Ending, Start, TrackingError
from trackers import FACTS, FakeMlflow, a_point

EXPERIMENT = "default/reviews"


@pytest.fixture
def server() -> FakeMlflow:
    return FakeMlflow()


def an_attempt(server: FakeMlflow, number: int = 1, step: int = 0) -> MlflowRun:
    facts = replace(FACTS, tags={**FACTS.tags, "finetune.dev/attempt": str(number)})
    run = MlflowRun(server, facts, EXPERIMENT)
    run.begin(Start("", step))
    return run


def refuse(server: FakeMlflow, error: Exception, method: str = "get_experiment_by_name") -> None:
    server.problem = lambda called: error if called == method else None


def test_a_run_has_the_name_the_tags_and_the_parameters_of_the_job(server: FakeMlflow) -> None:
    an_attempt(server)

    (run,) = server.runs
    assert run.info.run_name == "reviews"
    assert run.info.experiment_id == server.experiments[EXPERIMENT]
    assert run.data.tags["finetune.dev/job-uid"] == "uid-1"
    assert run.data.params == FACTS.parameters


def test_a_resumed_job_goes_on_in_its_run_and_sends_no_step_twice(server: FakeMlflow) -> None:
    first = an_attempt(server)
    first.write([a_point(step) for step in (1, 2, 3)])
    first.end(Ending("Interrupted"))
    assert server.runs[0].info.status == "KILLED"

    second = an_attempt(server, number=2, step=2)
    second.write([a_point(step) for step in (3, 4)])
    second.end(Ending("Succeeded"))

    (run,) = server.runs
    assert server.list_steps("loss") == [1, 2, 3, 4]
    assert (run.info.status, run.data.tags["finetune.dev/attempt"]) == ("FINISHED", "2")


def test_a_training_that_was_over_is_only_summed_up(server: FakeMlflow) -> None:
    an_attempt(server).write([a_point(1)])

    MlflowRun(server, FACTS, EXPERIMENT).write([a_point(1, f1=0.75)])

    assert len(server.runs) == 1
    assert (server.list_steps("loss"), server.list_steps("f1")) == ([1], [1])


def test_a_killed_attempt_without_a_checkpoint_is_begun_anew_in_the_same_run(
    server: FakeMlflow,
) -> None:
    an_attempt(server).write([a_point(0), a_point(1)])

    an_attempt(server, number=2).write([a_point(0), a_point(1), a_point(2)])

    assert len(server.runs) == 1
    assert server.list_steps("loss") == [0, 1, 2]


def test_a_job_that_is_begun_anew_after_it_was_done_gets_another_run(server: FakeMlflow) -> None:
    an_attempt(server).end(Ending("Succeeded"))

    an_attempt(server).write([a_point(1)])

    assert [run.info.status for run in server.runs] == ["FINISHED", "RUNNING"]
    assert server.list_steps("loss", run=2) == [1]


def test_folds_are_told_apart_by_their_names(server: FakeMlflow) -> None:
    run = an_attempt(server)

    run.begin(Start("fold-1", 0))
    run.write([a_point(1, "fold-1", f1=0.5), a_point(1, f1=0.6)])

    assert (server.list_steps("fold-1/f1"), server.list_steps("f1")) == ([1], [1])
    assert len(server.runs) == 1


def test_many_points_go_in_calls_that_a_server_takes(server: FakeMlflow) -> None:
    sizes: list[int] = []
    log_batch = server.log_batch

    def measure(run_id: str, metrics: Any = (), params: Any = ()) -> None:
        sizes.append(len(metrics))
        log_batch(run_id, metrics, params)

    server.log_batch = measure  # type: ignore[method-assign]
    an_attempt(server).write([a_point(step, a=1.0, b=2.0, c=3.0) for step in range(500)])

    assert sizes == [0, 1000, 500]


def test_files_are_kept_with_the_run(server: FakeMlflow, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("card")

    an_attempt(server).end(Ending("Succeeded", (tmp_path / "README.md",)))

    assert server.files == ["README.md"]


def test_a_run_whose_files_are_not_kept_still_ends(server: FakeMlflow, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("card")
    run = an_attempt(server)
    refuse(server, MlflowException("no boto3"), "log_artifact")

    with pytest.raises(TrackingError, match="files of the run were not kept") as caught:
        run.end(Ending("Succeeded", (tmp_path / "README.md",)))

    assert server.runs[0].info.status == "FINISHED"
    assert "--serve-artifacts" in caught.value.hint


def test_the_end_of_a_job_that_an_earlier_attempt_has_trained_is_told(server: FakeMlflow) -> None:
    an_attempt(server).end(Ending("Interrupted"))

    MlflowRun(server, FACTS, EXPERIMENT).end(Ending("Succeeded"))

    assert [run.info.status for run in server.runs] == ["FINISHED"]


def test_a_deleted_experiment_is_told_with_its_name(server: FakeMlflow) -> None:
    server.create_experiment(EXPERIMENT)
    server.deleted.add(EXPERIMENT)

    with pytest.raises(TrackingError, match="'default/reviews' is deleted") as caught:
        an_attempt(server)

    assert "tracking.mlflow.experimentName" in caught.value.hint


def test_a_job_that_failed_before_it_trained_leaves_no_run(server: FakeMlflow) -> None:
    MlflowRun(server, FACTS, EXPERIMENT).end(Ending("Failed"))

    assert server.runs == []


@pytest.mark.parametrize(
    ("error", "words", "hint", "is_final"),
    [
        pytest.param(
            RestException({"error_code": "UNAUTHENTICATED", "message": "secret words"}),
            "refuses us (401)",
            "credentialsSecretName",
            True,
            id="a wrong password",
        ),
        pytest.param(
            RestException({"error_code": "PERMISSION_DENIED", "message": "secret words"}),
            "refuses us (403)",
            "credentialsSecretName",
            True,
            id="no permission",
        ),
        pytest.param(
            RestException({"error_code": "INVALID_PARAMETER_VALUE", "message": "secret words"}),
            "does not take this (400 INVALID_PARAMETER_VALUE)",
            "tracking.mlflow.uri",
            True,
            id="something is wrong",
        ),
        pytest.param(
            MlflowException("secret words"), "cannot be reached", "NetworkPolicy", False, id="down"
        ),
        pytest.param(
            ConnectionError("secret words"), "cannot be reached", "NetworkPolicy", False, id="gone"
        ),
    ],
)
def test_what_goes_wrong_is_told_with_its_fix_and_without_the_servers_words(
    server: FakeMlflow, error: Exception, words: str, hint: str, is_final: bool
) -> None:
    refuse(server, error)

    with pytest.raises(TrackingError) as caught:
        an_attempt(server)

    assert words in str(caught.value)
    assert "secret words" not in f"{caught.value} {caught.value.hint}"
    assert hint in caught.value.hint
    assert caught.value.is_final is is_final
