"""Builds the status of a pod from what the node knows, field by field as a kubelet does.

Pure: `reports` sends it. Only the conditions a kubelet owns are in it, so that a merge leaves
those of others (DisruptionTarget, readiness gates) alone.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence

from devcluster.api import Object
from devcluster.process_node.downward import HOST_IP
from devcluster.process_node.records import (
    ContainerRecord,
    PodRecord,
    Running,
    Terminated,
    Waiting,
    build_image_id,
)
from devcluster.timestamps import format_time

_BEFORE_THE_START = ("ContainerCreating", "PodInitializing")


def build_status(record: PodRecord, former: Mapping[str, Object], now: datetime.datetime) -> Object:
    """Build the status patch.

    Args:
        record: the pod now.
        former: the conditions written last, by type; a condition that did not change keeps its
            transition time.
        now: the time for those that did.
    """
    phase = decide_phase(record)
    status: Object = {
        "observedGeneration": record.generation,
        "phase": phase,
        "conditions": [
            _keep_transition_time(condition, former, now)
            for condition in build_conditions(record, phase)
        ],
        "hostIP": HOST_IP,
        "hostIPs": [{"ip": HOST_IP}],
        "podIP": record.pod_ip,
        # A merge would add to the list, and a pod has one address of a family only.
        "podIPs": [{"ip": record.pod_ip}, {"$patch": "replace"}],
        "startTime": format_time(record.started_at),
        "containerStatuses": [build_container_status(c) for c in record.containers],
    }
    if record.init_containers:
        statuses = [build_container_status(c, is_init=True) for c in record.init_containers]
        status["initContainerStatuses"] = statuses
    if record.ending and record.ending.reason:
        status["reason"] = record.ending.reason
        status["message"] = record.ending.message
    return status


def decide_phase(record: PodRecord) -> str:
    """Sum the containers up, by the rules of kubelet's getPhase."""
    if record.ending and record.ending.fails_pod:
        return "Failed"
    if any(c.has_failed for c in record.init_containers) and record.restart_policy == "Never":
        return "Failed"
    stopped = [c for c in record.containers if isinstance(c.state, Terminated) or c.last_state]
    if len(stopped) == len(record.containers) and not _is_any(record.containers, Running):
        if record.is_over or record.restart_policy == "Never":
            return "Failed" if any(c.has_failed for c in stopped) else "Succeeded"
        if record.restart_policy == "OnFailure" and not any(c.has_failed for c in stopped):
            return "Succeeded"
        return "Running"
    if not all(_is_initialized(c) for c in record.init_containers):
        return "Pending"
    if _is_any(record.containers, Waiting) and not stopped:
        return "Pending"
    return "Running"


def build_conditions(record: PodRecord, phase: str) -> list[Object]:
    """Build the conditions a kubelet owns, without times.

    An absent reason or message is null: a merge would otherwise keep the one from before.
    """
    initialized = _build_initialized(record, phase)
    ready = _build_ready(record, phase)
    conditions = [
        _condition("PodScheduled", True),
        _condition("PodReadyToStartContainers", _is_ready_to_start(record, phase)),
        {"type": "Initialized", **initialized},
        {"type": "Ready", **ready},
        {"type": "ContainersReady", **ready},
    ]
    if record.ending and record.ending.is_disruption:
        message = record.ending.message
        conditions.append(_condition("DisruptionTarget", True, "TerminationByKubelet", message))
    return [{**condition, "observedGeneration": record.generation} for condition in conditions]


def _is_ready_to_start(record: PodRecord, phase: str) -> bool:
    """Whether the volumes are mounted; images are there at once, so nothing else is waited for."""
    is_creating = all(
        isinstance(container.state, Waiting) and container.state.reason in _BEFORE_THE_START
        for container in (*record.init_containers, *record.containers)
    )
    return phase not in ("Succeeded", "Failed") and not is_creating


def build_container_status(record: ContainerRecord, *, is_init: bool = False) -> Object:
    """Build one entry of containerStatuses."""
    is_running = isinstance(record.state, Running)
    is_completed = isinstance(record.state, Terminated) and record.state.exit_code == 0
    return {
        "name": record.name,
        "image": record.image,
        "imageID": build_image_id(record.image) if record.container_id else "",
        "containerID": record.container_id,
        "state": _build_state(record.state),
        "lastState": _build_state(record.last_state) if record.last_state else {},
        "ready": is_completed if is_init else is_running,
        "started": is_running,
        "restartCount": record.restart_count,
    }


def _build_state(state: Waiting | Running | Terminated) -> Object:
    match state:
        case Waiting(reason, message):
            return {"waiting": {"reason": reason, **({"message": message} if message else {})}}
        case Running(started_at):
            return {"running": {"startedAt": format_time(started_at)}}
        case Terminated():
            terminated: Object = {
                "exitCode": state.exit_code,
                "reason": state.reason,
                "startedAt": format_time(state.started_at),
                "finishedAt": format_time(state.finished_at),
                "containerID": state.container_id,
            }
            if state.message:
                terminated["message"] = state.message
            return {"terminated": terminated}


def _build_initialized(record: PodRecord, phase: str) -> Object:
    if phase == "Succeeded":
        return _condition_body(True, "PodCompleted")
    incomplete = [c.name for c in record.init_containers if not _is_initialized(c)]
    if not incomplete:
        return _condition_body(True)
    words = f"containers with incomplete status: [{' '.join(incomplete)}]"
    return _condition_body(False, "ContainersNotInitialized", words)


def _build_ready(record: PodRecord, phase: str) -> Object:
    if phase in ("Succeeded", "Failed"):
        return _condition_body(False, {"Succeeded": "PodCompleted", "Failed": "PodFailed"}[phase])
    unready = [c.name for c in record.containers if not isinstance(c.state, Running)]
    if not unready:
        return _condition_body(True)
    words = f"containers with unready status: [{' '.join(unready)}]"
    return _condition_body(False, "ContainersNotReady", words)


def _condition(kind: str, is_true: bool, reason: str = "", message: str = "") -> Object:
    return {"type": kind, **_condition_body(is_true, reason, message)}


def _condition_body(is_true: bool, reason: str = "", message: str = "") -> Object:
    return {"status": str(is_true), "reason": reason or None, "message": message or None}


def _keep_transition_time(
    condition: Object, former: Mapping[str, Object], now: datetime.datetime
) -> Object:
    before = former.get(condition["type"], {})
    is_same = before.get("status") == condition["status"]
    moment = before.get("lastTransitionTime") if is_same else None
    return {**condition, "lastTransitionTime": moment or format_time(now), "lastProbeTime": None}


def _is_initialized(record: ContainerRecord) -> bool:
    return isinstance(record.state, Terminated) and record.state.exit_code == 0


def _is_any(records: Sequence[ContainerRecord], kind: type) -> bool:
    return any(isinstance(record.state, kind) for record in records)
