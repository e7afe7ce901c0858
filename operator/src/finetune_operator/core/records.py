"""What the store keeps of a FineTuneJob, a batch Job and a pod: slim, frozen, parsed once.

A raw pod is 10 kB and more, its record a few hundred bytes; with thousands of jobs that decides
whether the operator fits its memory limit. `read_*` are the only places that know the raw shapes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import ValidationError

from finetune_api.contract.environment import TRAINER_CONTAINER
from finetune_api.errors import describe_errors
from finetune_api.v1alpha1 import API_VERSION, KIND, FineTuneJob, FineTuneJobStatus, parse_job
from finetune_operator.core import names
from finetune_operator.core.outputs import Place, find_place
from finetune_operator.core.times import parse_time

Raw = Mapping[str, Any]


class Key(NamedTuple):
    """Namespace and name of a FineTuneJob: what the queue holds."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A FineTuneJob.

    Attributes:
        job: metadata and spec; None when the spec does not parse.
        problem: why it does not parse.
        place: where it writes its model.
        status: the status as last seen; empty when it does not parse.
    """

    key: Key
    uid: str
    resource_version: str
    generation: int
    created_at: float
    is_deleting: bool
    job: FineTuneJob | None
    problem: str
    place: Place | None
    status: FineTuneJobStatus

    @property
    def is_finished(self) -> bool:
        """Whether the status says that the job ended: then nothing is started any more."""
        return any(c.type == "Finished" and c.status == "True" for c in self.status.conditions)


@dataclass(frozen=True, slots=True)
class Ending:
    """The terminal condition of a batch Job: Complete or Failed; its others come early."""

    succeeded: bool
    reason: str
    message: str
    at: float


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """A batch Job of ours: one attempt."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    owner_uid: str
    number: int
    created_at: float
    is_suspended: bool
    is_deleting: bool
    started_at: float | None
    active_seconds_before: float
    ending: Ending | None
    preempted_before: int = 0


@dataclass(frozen=True, slots=True)
class Disruption:
    """The condition DisruptionTarget: the cluster took the pod away, the pod did nothing wrong."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Termination:
    """How the training container ended."""

    exit_code: int
    reason: str
    message: str
    started_at: float | None
    finished_at: float | None


@dataclass(frozen=True, slots=True)
class PodRecord:
    """A pod of an attempt."""

    namespace: str
    name: str
    uid: str
    resource_version: str
    attempt_uid: str
    owner_uid: str
    phase: str
    reason: str
    message: str
    ip: str
    node: str
    created_at: float
    is_deleting: bool
    scheduled_at: float | None
    scheduling_reason: str
    scheduling_message: str
    waiting_reason: str
    waiting_message: str
    running_since: float | None
    has_sandbox: bool | None
    image_id: str
    termination: Termination | None
    disruption: Disruption | None
    index: int = 0

    @property
    def is_over(self) -> bool:
        """Whether the pod will do nothing more."""
        return self.phase in ("Succeeded", "Failed")


Record = JobRecord | AttemptRecord | PodRecord


def read_job(raw: Raw, before: JobRecord | None = None) -> JobRecord:
    """Read a FineTuneJob; the spec is parsed only when its generation is not that of `before`."""
    metadata = raw["metadata"]
    generation = metadata.get("generation", 1)
    if before and (before.uid, before.generation) == (metadata["uid"], generation):
        job, problem, place = before.job, before.problem, before.place
    else:
        job, problem = _parse_spec(raw)
        place = find_place(job) if job else None
    return JobRecord(
        key=Key(metadata["namespace"], metadata["name"]),
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        generation=generation,
        created_at=parse_time(metadata.get("creationTimestamp")) or 0.0,
        is_deleting="deletionTimestamp" in metadata,
        job=job,
        problem=problem,
        place=place,
        status=_parse_status(raw.get("status")),
    )


def _parse_spec(raw: Raw) -> tuple[FineTuneJob | None, str]:
    metadata = {k: raw["metadata"][k] for k in _METADATA if k in raw["metadata"]}
    manifest = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": metadata,
        "spec": raw.get("spec"),
    }
    try:
        return parse_job(manifest), ""
    except ValidationError as error:
        return None, "; ".join(describe_errors(error, FineTuneJob))


# Annotations are left out: kubectl keeps the whole manifest in one.
_METADATA = ("name", "namespace", "uid", "generation", "labels")


def _parse_status(raw: Raw | None) -> FineTuneJobStatus:
    try:
        return FineTuneJobStatus.model_validate(raw or {})
    except ValidationError:
        return FineTuneJobStatus()  # what a stranger wrote is written anew


def read_attempt(raw: Raw) -> AttemptRecord:
    """Read a batch Job of ours."""
    metadata, spec, status = raw["metadata"], raw["spec"], raw.get("status") or {}
    annotations = metadata.get("annotations") or {}
    return AttemptRecord(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        owner_uid=find_owner(raw),
        number=names.parse_attempt(metadata["name"]),
        created_at=parse_time(metadata.get("creationTimestamp")) or 0.0,
        is_suspended=bool(spec.get("suspend")),
        is_deleting="deletionTimestamp" in metadata,
        started_at=parse_time(status.get("startTime")),
        active_seconds_before=_parse_number(annotations.get(names.ACTIVE_SECONDS_ANNOTATION)),
        ending=_read_ending(status.get("conditions") or ()),
        preempted_before=int(_parse_number(annotations.get(names.PREEMPTED_BEFORE_ANNOTATION))),
    )


def find_owner(raw: Raw) -> str:
    """Give the uid of an object's controller, or nothing."""
    owners = raw["metadata"].get("ownerReferences") or ()
    return next((str(owner["uid"]) for owner in owners if owner.get("controller")), "")


def _parse_number(text: str | None) -> float:
    try:
        return max(0.0, float(text or 0))
    except ValueError:
        return 0.0


def _read_ending(conditions: Any) -> Ending | None:
    for condition in conditions:
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return Ending(
                succeeded=condition["type"] == "Complete",
                reason=condition.get("reason", ""),
                message=condition.get("message", ""),
                at=parse_time(condition.get("lastTransitionTime")) or 0.0,
            )
    return None


def read_pod(raw: Raw) -> PodRecord:
    """Read a pod of ours."""
    metadata, status = raw["metadata"], raw.get("status") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or ()}
    scheduled = conditions.get("PodScheduled") or {}
    container = _find_container(status)
    state = container.get("state") or {}
    waiting, running = state.get("waiting") or {}, state.get("running") or {}
    return PodRecord(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        attempt_uid=find_owner(raw),
        owner_uid=(metadata.get("labels") or {}).get(names.JOB_UID_LABEL, ""),
        phase=status.get("phase", "Pending"),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        ip=status.get("podIP", ""),
        node=(raw.get("spec") or {}).get("nodeName", ""),
        created_at=parse_time(metadata.get("creationTimestamp")) or 0.0,
        is_deleting="deletionTimestamp" in metadata,
        scheduled_at=_read_scheduled_time(scheduled),
        scheduling_reason=scheduled.get("reason", ""),
        scheduling_message=scheduled.get("message", ""),
        waiting_reason=waiting.get("reason", ""),
        waiting_message=waiting.get("message", ""),
        running_since=parse_time(running.get("startedAt")),
        has_sandbox=_read_sandbox(conditions.get("PodReadyToStartContainers")),
        image_id=container.get("imageID", ""),
        termination=_read_termination(state.get("terminated")),
        disruption=_read_disruption(conditions.get("DisruptionTarget")),
        index=int(_parse_number((metadata.get("annotations") or {}).get(names.INDEX_ANNOTATION))),
    )


def _read_scheduled_time(condition: Raw) -> float | None:
    if condition.get("status") != "True":
        return None
    return parse_time(condition.get("lastTransitionTime")) or 0.0


def _read_sandbox(condition: Raw | None) -> bool | None:
    """Tell whether volumes and network are ready; None from a kubelet that does not say."""
    return None if condition is None else condition.get("status") == "True"


def _find_container(status: Raw) -> Raw:
    containers = status.get("containerStatuses") or ()
    return next((c for c in containers if c.get("name") == TRAINER_CONTAINER), {})


def _read_termination(terminated: Raw | None) -> Termination | None:
    if not terminated:
        return None
    return Termination(
        exit_code=terminated.get("exitCode", 0),
        reason=terminated.get("reason", ""),
        message=terminated.get("message", ""),
        started_at=parse_time(terminated.get("startedAt")),
        finished_at=parse_time(terminated.get("finishedAt")),
    )


def _read_disruption(condition: Raw | None) -> Disruption | None:
    if not condition or condition.get("status") != "True":
        return None
    return Disruption(condition.get("reason", ""), condition.get("message", ""))
