"""Whole lives of FineTuneJobs on a real API server, Job controller and scheduler."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from devcluster.process_node.records import Ending
from devcluster.scenarios import finish, hold, run
from finetune_api.v1alpha1.status import EarlyStoppingStatus
from operator_builders import a_report, an_outcome
from operator_runs import OperatorProcess, Stage, Team, answering
from polling import poll


def test_a_job_trains_and_succeeds(team: Team, stage: Stage, operator: OperatorProcess) -> None:
    team.apply()
    running = team.wait_for("Running")
    stage.play("reviews-1", run(), finish(0, message=an_outcome()))

    ended = team.wait_for("Succeeded")

    assert running["jobName"] == "reviews-1"
    assert running["resolved"]["seed"] == 42
    assert team.condition("Finished") == ("True", "Succeeded")
    assert team.condition("Complete") == ("True", "Succeeded")
    assert ended["attempts"] == {"started": 1, "failed": 0, "preempted": 0}
    assert ended["completionTime"] >= ended["startTime"]
    poll(lambda: team.list_events() == ["AttemptCreated", "Succeeded"], "two events")
    assert operator.stop() == 0


def test_an_early_stop_is_told(team: Team, stage: Stage, operator: OperatorProcess) -> None:
    del operator
    stopping = EarlyStoppingStatus(metric="f1", stopped=True, stopped_step=300, best=0.9)
    team.apply()
    uid = team.read()["metadata"]["uid"]
    report = a_report(job_uid=uid, early_stopping=stopping, step=300, maximum_steps=900)
    stage.play("reviews-1", run(), finish(0, message=an_outcome(report=report)))

    ended = team.wait_for("EarlyStopped")

    assert team.condition("EarlyStopped") == ("True", "EarlyStopped")
    assert team.condition("Complete") == ("True", "EarlyStopped")
    assert ended["earlyStopping"]["stoppedStep"] == 300


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        pytest.param(finish(65), "BadData", id="bad data"),
        pytest.param(finish(80), "CUDAOutOfMemory", id="a GPU that is too small"),
        pytest.param(finish(137, reason="OOMKilled"), "HostOutOfMemory", id="too little memory"),
        pytest.param(finish(0), "FalseSuccess", id="a 0 without an outcome"),
        pytest.param(
            finish(0, message=an_outcome(exit_code=143, succeeded=False, reason="Terminated")),
            "FalseSuccess",
            id="a 0 of a trainer that was told to stop",
        ),
        pytest.param(hold("InvalidImageName", "no"), "InvalidImageName", id="no image name"),
        pytest.param(
            finish(
                137,
                ending=Ending("Evicted", "ephemeral local storage usage exceeds", fails_pod=True),
            ),
            "EphemeralStorageExceeded",
            id="too much local disk",
        ),
    ],
)
def test_a_permanent_failure_ends_the_job(
    team: Team, stage: Stage, operator: OperatorProcess, step: Any, reason: str
) -> None:
    del operator
    stage.play("reviews-1", run(), step)
    team.apply()

    status = team.wait_for("Failed")

    assert team.condition("Finished") == ("True", reason)
    assert status["failure"]["podName"].startswith("reviews-1-0-")
    assert status["attempts"] == {"started": 1, "failed": 1, "preempted": 0}
    poll(lambda: all(_is_over(job) for job in team.list_jobs()), "nothing runs any more")


def _is_over(job: dict[str, Any]) -> bool:
    return any(c["type"] in ("Complete", "Failed") for c in job["status"].get("conditions", ()))


def test_a_failure_is_retried_until_the_limit(
    team: Team, stage: Stage, operator: OperatorProcess
) -> None:
    del operator
    for attempt in (1, 2, 3):
        stage.play(f"reviews-{attempt}", run(), finish(75))
    team.apply(retries={"maximum": 2, "backoffSeconds": 0})

    status = team.wait_for("Failed")

    assert team.condition("Finished") == ("True", "TransientDownload")
    assert status["attempts"] == {"started": 3, "failed": 3, "preempted": 0}
    assert sorted(j["metadata"]["name"] for j in team.list_jobs()) == [
        "reviews-1",
        "reviews-2",
        "reviews-3",
    ]


def test_a_suspended_job_stops_and_goes_on_with_the_same_attempt(
    team: Team, operator: OperatorProcess
) -> None:
    del operator
    team.apply(activeDeadlineSeconds=1000)
    team.wait_for("Running")

    team.edit("reviews", suspend=True)
    suspended = team.wait_for("Suspended")
    poll(lambda: not team.list_jobs()[0]["status"].get("active"), "the pod is gone")
    team.edit("reviews", suspend=False)
    resumed = team.wait_for("Running")

    assert team.condition("Suspended") == ("False", "NotSuspended")
    assert suspended["jobName"] == resumed["jobName"] == "reviews-1"
    assert resumed["attempts"] == {"started": 1, "failed": 0, "preempted": 0}
    assert team.list_jobs()[0]["spec"]["activeDeadlineSeconds"] <= 1000


def test_a_job_that_takes_too_long_fails(team: Team, operator: OperatorProcess) -> None:
    del operator
    team.apply(activeDeadlineSeconds=10)
    team.wait_for("Running")

    team.wait_for("Failed")

    assert team.condition("Finished") == ("True", "DeadlineExceeded")


def test_a_finished_job_goes_when_its_time_to_live_is_over(
    team: Team, stage: Stage, operator: OperatorProcess
) -> None:
    del operator
    stage.play("reviews-1", run(), finish(0, message=an_outcome()))
    team.apply(ttlSecondsAfterFinished=1)

    poll(lambda: not team.exists("reviews"), "the job is deleted", 40)

    poll(lambda: not team.list_jobs(), "its Job is collected", 40)


def test_a_deleted_job_leaves_nothing_behind_and_its_name_can_be_used_at_once(
    team: Team, operator: OperatorProcess
) -> None:
    del operator
    team.apply()
    team.wait_for("Running")
    old = team.read()["metadata"]["uid"]

    team.delete("reviews")
    team.apply()

    team.wait_for("Running")
    (job,) = team.list_jobs()
    assert job["metadata"]["ownerReferences"][0]["uid"] != old


def test_a_cluster_without_the_gpu_says_so(team: Team, operator: OperatorProcess) -> None:
    del operator
    team.apply(resources={"gpuResourceName": "nvidia.com/b300"})

    status = team.wait_for("Queued")

    assert team.condition("Queued") == ("True", "Unschedulable")
    (text,) = [c["message"] for c in status["conditions"] if c["type"] == "Queued"]
    assert "gpusPerNode: 0" in text


def test_progress_reaches_status_and_metrics(team: Team, tmp_path: Path) -> None:
    team.apply()
    uid = team.read()["metadata"]["uid"]
    report = a_report(job_uid=uid, step=30, maximum_steps=120, loss=0.25, eta_seconds=90.0)
    with (
        answering(report.model_dump_json(by_alias=True).encode()) as port,
        OperatorProcess(
            team.cluster.kubeconfig, team.namespace, tmp_path / "log", progress_port=port
        ) as operator,
    ):
        progress = poll(lambda: team.status().get("progress"), "progress", 40)
        series = f'finetune_job_train_loss{{name="reviews",namespace="{team.namespace}"}} 0.25'
        poll(lambda: series in operator.scrape(), "the loss is scraped")

    assert (progress["steps"], progress["display"], progress["eta"]) == ("30/120", "25%", "1m30s")


def test_an_exhausted_quota_is_told_and_waited_for(team: Team, operator: OperatorProcess) -> None:
    del operator
    quotas = f"/api/v1/namespaces/{team.namespace}/resourcequotas"
    hard = {"hard": {"count/jobs.batch": "0"}}
    team.cluster.request("POST", quotas, {"metadata": {"name": "none"}, "spec": hard})
    team.apply()
    poll(lambda: team.condition("Finished") == ("False", "QuotaExceeded"), "the quota is told")

    team.cluster.request("DELETE", f"{quotas}/none")

    team.wait_for("Running")


def test_every_pod_is_admitted_where_pod_security_is_restricted(
    team: Team, operator: OperatorProcess
) -> None:
    del operator
    label = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}
    team.cluster.request("PATCH", f"/api/v1/namespaces/{team.namespace}", label)

    team.apply()

    team.wait_for("Running")
