"""What a node reports about a pod, compared with what a kubelet would."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import pytest

from devcluster.process_node.records import (
    ContainerRecord,
    ContainerState,
    Ending,
    PodRecord,
    Running,
    Terminated,
    Waiting,
    build_image_id,
)
from devcluster.process_node.statuses import build_status, decide_phase

NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
NOW_TEXT = "2026-01-02T03:04:05Z"

WAITS = Waiting("ContainerCreating")
RUNS = Running(NOW)


def ended(code: int) -> Terminated:
    return Terminated(code, "Error" if code else "Completed", "bye", NOW, NOW, "process://1")


def a_container(state: ContainerState, name: str = "main", **fields: Any) -> ContainerRecord:
    return ContainerRecord(name, "repo/image:1", state, container_id="process://1", **fields)


def a_pod(
    *states: ContainerState, init: tuple[ContainerState, ...] = (), **fields: Any
) -> PodRecord:
    return PodRecord(
        init_containers=tuple(a_container(s, f"init-{i}") for i, s in enumerate(init)),
        containers=tuple(a_container(s, f"main-{i}") for i, s in enumerate(states)),
        **{"restart_policy": "Never", "started_at": NOW, "pod_ip": "127.9.0.1", **fields},
    )


def read_condition(status: dict[str, Any], kind: str) -> tuple[str, str | None]:
    entry = next(entry for entry in status["conditions"] if entry["type"] == kind)
    return entry["status"], entry["reason"]


RESTARTING = replace(a_container(WAITS), last_state=ended(1))


@pytest.mark.parametrize(
    ("pod", "phase"),
    [
        pytest.param(a_pod(WAITS), "Pending", id="nothing has started"),
        pytest.param(a_pod(RUNS), "Running", id="running"),
        pytest.param(a_pod(RUNS, ended(1)), "Running", id="one has ended"),
        pytest.param(a_pod(WAITS, ended(0)), "Running", id="one waits, one has ended"),
        pytest.param(a_pod(ended(0), ended(0)), "Succeeded", id="all succeeded"),
        pytest.param(a_pod(ended(0), ended(1)), "Failed", id="one failed"),
        pytest.param(a_pod(WAITS, init=(RUNS,)), "Pending", id="initializing"),
        pytest.param(a_pod(WAITS, init=(ended(1),)), "Failed", id="init failed"),
        pytest.param(
            a_pod(WAITS, init=(ended(1),), restart_policy="OnFailure"), "Pending", id="init again"
        ),
        pytest.param(a_pod(ended(1), restart_policy="OnFailure"), "Running", id="to be restarted"),
        pytest.param(a_pod(ended(0), restart_policy="OnFailure"), "Succeeded", id="no restart"),
        pytest.param(a_pod(ended(0), restart_policy="Always"), "Running", id="always restarted"),
        pytest.param(
            a_pod(ended(0), restart_policy="Always", is_over=True), "Succeeded", id="taken away"
        ),
        pytest.param(
            replace(a_pod(restart_policy="Always"), containers=(RESTARTING,)),
            "Running",
            id="backing off",
        ),
        pytest.param(
            a_pod(ended(0), ending=Ending("DeadlineExceeded", fails_pod=True)),
            "Failed",
            id="deadline",
        ),
    ],
)
def test_the_phase_sums_up_the_containers(pod: PodRecord, phase: str) -> None:
    assert decide_phase(pod) == phase


@pytest.mark.parametrize(
    ("pod", "ready", "initialized"),
    [
        pytest.param(
            a_pod(WAITS), ("False", "ContainersNotReady"), ("True", None), id="not started"
        ),
        pytest.param(a_pod(RUNS), ("True", None), ("True", None), id="running"),
        pytest.param(
            a_pod(WAITS, init=(RUNS,)),
            ("False", "ContainersNotReady"),
            ("False", "ContainersNotInitialized"),
            id="initializing",
        ),
        pytest.param(
            a_pod(ended(0)), ("False", "PodCompleted"), ("True", "PodCompleted"), id="succeeded"
        ),
        pytest.param(a_pod(ended(1)), ("False", "PodFailed"), ("True", None), id="failed"),
    ],
)
def test_conditions_have_the_reasons_of_a_kubelet(
    pod: PodRecord, ready: tuple[str, str | None], initialized: tuple[str, str | None]
) -> None:
    status = build_status(pod, {}, NOW)

    assert read_condition(status, "Ready") == ready
    assert read_condition(status, "ContainersReady") == ready
    assert read_condition(status, "Initialized") == initialized


def test_a_condition_that_did_not_change_keeps_its_time() -> None:
    former = {"Ready": {"status": "True", "lastTransitionTime": "2025-01-01T00:00:00Z"}}

    status = build_status(a_pod(RUNS), former, NOW)

    times = {entry["type"]: entry["lastTransitionTime"] for entry in status["conditions"]}
    assert times["Ready"] == "2025-01-01T00:00:00Z"
    assert times["ContainersReady"] == NOW_TEXT


def test_conditions_of_others_are_not_in_the_patch() -> None:
    status = build_status(a_pod(RUNS), {"DisruptionTarget": {"status": "True"}}, NOW)

    assert "DisruptionTarget" not in [entry["type"] for entry in status["conditions"]]


def test_an_ended_container_is_reported_in_full() -> None:
    [reported] = build_status(a_pod(ended(64)), {}, NOW)["containerStatuses"]

    assert reported["state"] == {
        "terminated": {
            "exitCode": 64,
            "reason": "Error",
            "message": "bye",
            "startedAt": NOW_TEXT,
            "finishedAt": NOW_TEXT,
            "containerID": "process://1",
        }
    }
    assert (reported["ready"], reported["started"]) == (False, False)


def test_an_init_container_that_succeeded_is_ready() -> None:
    [reported] = build_status(a_pod(RUNS, init=(ended(0),)), {}, NOW)["initContainerStatuses"]

    assert reported["ready"] is True


def test_the_node_says_why_it_ended_a_pod() -> None:
    ending = Ending("Terminated", "shutdown", fails_pod=True, is_disruption=True)

    status = build_status(a_pod(ended(143), ending=ending), {}, NOW)

    assert (status["phase"], status["reason"]) == ("Failed", "Terminated")
    assert read_condition(status, "DisruptionTarget") == ("True", "TerminationByKubelet")


@pytest.mark.parametrize(
    ("image", "repository"),
    [
        ("trainer", "trainer"),
        ("registry:5000/team/trainer:1.2", "registry:5000/team/trainer"),
        ("team/trainer@sha256:abc", "team/trainer"),
    ],
)
def test_an_image_id_is_stable_and_has_a_digest(image: str, repository: str) -> None:
    name, _, digest = build_image_id(image).partition("@sha256:")

    assert name == f"localhost/process-node/{repository}"
    assert len(digest) == 64
    assert build_image_id(image) == build_image_id(image)
