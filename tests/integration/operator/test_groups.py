"""Jobs of several pods on a real Job controller: what one of them meets with, all do."""

from __future__ import annotations

from typing import Any

import pytest

from devcluster.process_node.records import Ending
from devcluster.scenarios import finish, hold, run
from operator_builders import an_outcome
from operator_runs import OperatorProcess, Stage, Team
from polling import poll

TWO_ON_THE_CPU = {"nodes": 2, "gpusPerNode": 0}
EVICTED = Ending("Evicted", "the node is drained", fails_pod=True, is_disruption=True)


def list_pods(team: Team, attempt: str) -> list[dict[str, Any]]:
    path = f"/api/v1/namespaces/{team.namespace}/pods?labelSelector=job-name={attempt}"
    items: list[dict[str, Any]] = team.cluster.request("GET", path)["items"]
    return items


def read_message(team: Team) -> str:
    found = (c for c in team.status().get("conditions", ()) if c["type"] == "Finished")
    return str(next(found)["message"])


def test_a_job_runs_when_all_its_pods_do(
    team: Team, stage: Stage, operator: OperatorProcess
) -> None:
    del operator
    stage.play("reviews-1", hold("ContainerCreating"), index=1)
    team.apply(resources=TWO_ON_THE_CPU)
    starting = team.wait_for("Starting")

    poll(lambda: "(1 of 2 pods run)" in read_message(team), "the pod that is late is named")
    assert "reviews-1-1-" in read_message(team)
    stage.play("reviews-1", run(), index=1)
    running = team.wait_for("Running")

    assert starting["jobName"] == running["jobName"] == "reviews-1"
    assert [name[:12] for name in running["podNames"]] == ["reviews-1-0-", "reviews-1-1-"]


def test_a_pod_without_a_place_is_named_while_the_other_holds_its_gpus(
    team: Team, stage: Stage, operator: OperatorProcess
) -> None:
    """The node has eight GPUs: it holds one of the two pods."""
    del stage, operator
    team.apply(resources={"nodes": 2, "gpusPerNode": 8})

    team.wait_for("Queued")

    poll(lambda: "(1 of 2 pods run)" in read_message(team), "how many wait is told")
    assert team.condition("Queued") == ("True", "Unschedulable")
    assert "nvidia.com/gpu" in read_message(team)


def test_the_end_of_the_leader_is_the_end_of_the_job(
    team: Team, stage: Stage, operator: OperatorProcess
) -> None:
    del operator
    team.apply(resources=TWO_ON_THE_CPU)
    team.wait_for("Running")

    stage.play("reviews-1", run(), finish(0, message=an_outcome()))
    ended = team.wait_for("Succeeded")

    assert ended["attempts"] == {"started": 1, "failed": 0, "preempted": 0}
    poll(lambda: len(list_pods(team, "reviews-1")) == 1, "the other pod is ended")


@pytest.mark.parametrize(
    ("leader", "other"), [pytest.param(83, 65, id="the other"), pytest.param(65, 83, id="leader")]
)
def test_a_permanent_failure_of_one_pod_ends_the_job(
    team: Team, stage: Stage, operator: OperatorProcess, leader: int, other: int
) -> None:
    del operator
    culprit = 0 if leader == 65 else 1
    stage.play("reviews-1", run(), finish(65), index=culprit)
    stage.play("reviews-1", run(), index=1 - culprit)
    team.apply(resources=TWO_ON_THE_CPU)
    stage.play("reviews-1", finish(83), index=1 - culprit)

    status = team.wait_for("Failed")

    assert team.condition("Finished") == ("True", "BadData")
    assert status["failure"]["podName"].startswith(f"reviews-1-{culprit}-")
    assert (leader, other)[culprit] == status["failure"]["exitCode"]


def test_the_next_attempt_begins_when_all_pods_of_the_last_one_are_gone(
    team: Team, stage: Stage, operator: OperatorProcess
) -> None:
    del operator
    stage.play("reviews-1", run(), finish(75), index=1)
    team.apply(resources=TWO_ON_THE_CPU, retries={"maximum": 1, "backoffSeconds": 0})

    poll(lambda: len(list_pods(team, "reviews-2")) == 2, "the second attempt has its pods")

    alive = [p for p in list_pods(team, "reviews-1") if p["status"]["phase"] == "Running"]
    assert alive == []
    team.wait_for("Running")
    assert team.status()["attempts"] == {"started": 2, "failed": 1, "preempted": 0}


def test_an_evicted_pod_is_not_counted_and_another_attempt_follows_at_once(
    team: Team, stage: Stage, operator: OperatorProcess
) -> None:
    del operator
    stage.play("reviews-1", run(), finish(143, ending=EVICTED), index=1)
    team.apply(resources=TWO_ON_THE_CPU, retries={"maximum": 0, "backoffSeconds": 600})

    poll(lambda: team.status().get("jobName") == "reviews-2", "another attempt follows")
    team.wait_for("Running")

    assert team.status()["attempts"] == {"started": 2, "failed": 0, "preempted": 1}
    stage.play("reviews-2", run(), finish(75))
    status = team.wait_for("Failed")
    assert status["attempts"] == {"started": 2, "failed": 1, "preempted": 1}


def test_a_claim_that_one_node_alone_may_mount_is_refused(
    team: Team, operator: OperatorProcess
) -> None:
    del operator
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    path = f"/api/v1/namespaces/{team.namespace}/persistentvolumeclaims"
    team.cluster.request("POST", path, {"metadata": {"name": "mine"}, "spec": spec})
    team.apply(resources=TWO_ON_THE_CPU, output={"destination": "pvc://mine/model"})

    status = team.wait_for("Failed")

    assert status["failure"]["reason"] == "StorageNotShared"
    assert "claim mine" in status["failure"]["message"]
    assert "ReadWriteMany" in status["failure"]["message"]
    assert team.list_jobs() == []


def test_what_pods_meet_by_is_there_and_goes_with_the_job(
    team: Team, operator: OperatorProcess
) -> None:
    del operator
    team.apply(resources=TWO_ON_THE_CPU)
    team.wait_for("Running")

    service = f"/api/v1/namespaces/{team.namespace}/services/reviews-peers"
    policy = f"/apis/networking.k8s.io/v1/namespaces/{team.namespace}/networkpolicies/reviews-peers"
    for path in (service, policy):
        owners = team.cluster.request("GET", path)["metadata"]["ownerReferences"]
        assert owners[0]["uid"] == team.read()["metadata"]["uid"]
    pods = list_pods(team, "reviews-1")
    assert {p["spec"]["hostname"] for p in pods} == {"reviews-1-0", "reviews-1-1"}
    assert {p["spec"]["subdomain"] for p in pods} == {"reviews-peers"}
