"""Builds raw objects and facts for tests of the operator, a word at a time.

`a_job().with_attempt(1).with_pod(exit_code=137).facts()` reads as what it is about.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Self

from finetune_api.contract.outcomes import Outcome, encode_outcome
from finetune_api.contract.progress import ProgressReport
from finetune_api.v1alpha1 import FineTuneJobStatus
from finetune_operator.core import names
from finetune_operator.core.facts import Attempt, Facts, Obstacle, ReceivedReport, Rival
from finetune_operator.core.origins import Origin
from finetune_operator.core.outputs import Place
from finetune_operator.core.records import Key, read_attempt, read_job, read_pod
from finetune_operator.core.rules import decide
from finetune_operator.core.settings import Settings
from finetune_operator.core.times import format_time

NOW = 1_800_000_000.0
"""The present of every test; attempts begin a minute earlier."""
UID = "11111111-2222-3333-4444-555555555555"
NAMESPACE, NAME = "team", "reviews"
Raw = dict[str, Any]


def a_manifest(name: str = NAME, namespace: str = NAMESPACE, **spec: Any) -> Raw:
    """Give the smallest FineTuneJob, with some fields of the spec replaced."""
    return {
        "apiVersion": "finetune.dev/v1alpha1",
        "kind": "FineTuneJob",
        "metadata": {"name": name, "namespace": namespace, "labels": {}},
        "spec": {
            "task": "TextClassification",
            "model": {"source": "hf://org/model"},
            "dataset": {"train": {"source": "hf://org/data"}},
            **spec,
        },
    }


def a_report(**fields: Any) -> ProgressReport:
    """Give a progress report about the first attempt."""
    defaults = {"job_uid": UID, "attempt": 1, "phase": "Train", "report_time": format_time(NOW)}
    return ProgressReport(**(defaults | fields))


def an_outcome(**fields: Any) -> str:
    """Give a termination message that says: done."""
    defaults: Raw = {"exit_code": 0, "succeeded": True, "reason": "Succeeded"}
    return encode_outcome(Outcome(**(defaults | fields))).decode()


class JobBuilder:
    """Collects what there is, then gives the facts."""

    def __init__(self) -> None:
        self.raw = a_manifest()
        self.raw["metadata"] |= {
            "uid": UID,
            "resourceVersion": "1",
            "generation": 1,
            "creationTimestamp": format_time(NOW - 120),
        }
        self.settings = Settings()
        self.now = NOW
        self._attempts: list[tuple[Raw, list[Raw]]] = []
        self._rivals: list[Rival] = []
        self._origins: tuple[Origin, ...] = ()
        self._report: ReceivedReport | None = None
        self._obstacle: Obstacle | None = None
        self._is_confirmed = False

    # --- the job ------------------------------------------------------------------------------

    def with_spec(self, **fields: Any) -> Self:
        self.raw["spec"] |= fields
        return self

    def with_labels(self, **labels: str) -> Self:
        self.raw["metadata"]["labels"] |= {k.replace("__", "/"): v for k, v in labels.items()}
        return self

    def in_queue(self, name: str = "gpus") -> Self:
        self.raw["metadata"]["labels"][names.QUEUE_LABEL] = name
        return self

    def with_status(self, **fields: Any) -> Self:
        self.raw["status"] = FineTuneJobStatus(**fields).to_json_dict()
        return self

    def deleted(self) -> Self:
        self.raw["metadata"]["deletionTimestamp"] = format_time(NOW)
        return self

    def allowing(self, **settings: Any) -> Self:
        self.settings = Settings(**settings)
        return self

    def at(self, now: float) -> Self:
        self.now = now
        return self

    # --- what became of it ----------------------------------------------------------------------

    def with_attempt(self, number: int = 1, **fields: Any) -> Self:
        self._attempts.append((a_batch_job(number, **fields), []))
        return self

    def without_attempts(self) -> Self:
        """Let everything be gone that was made."""
        self._attempts.clear()
        return self

    def with_pod(self, **fields: Any) -> Self:
        job, pods = self._attempts[-1]
        pods.append(a_pod(job, len(pods), PodTale(**fields)))
        return self

    def completed(self, at: float = NOW) -> Self:
        return self._end("Complete", "CompletionsReached", "", at)

    def failed(
        self, at: float = NOW, reason: str = "BackoffLimitExceeded", message: str = ""
    ) -> Self:
        return self._end("Failed", reason, message, at)

    def _end(self, kind: str, reason: str, message: str, at: float) -> Self:
        self._attempts[-1][0]["status"]["conditions"] = [
            {
                "type": kind,
                "status": "True",
                "reason": reason,
                "message": message,
                "lastTransitionTime": format_time(at),
            }
        ]
        return self

    def beside(self, rival: Rival) -> Self:
        self._rivals.append(rival)
        return self

    def naming(self, *origins: Origin) -> Self:
        self._origins = origins
        return self

    def reporting(self, heard_at: float = NOW, **fields: Any) -> Self:
        self._report = ReceivedReport(a_report(**fields), heard_at)
        return self

    def hindered_by(self, reason: str, message: str = "no", *, is_final: bool = False) -> Self:
        self._obstacle = Obstacle(reason, message, is_final)
        return self

    def confirmed(self) -> Self:
        self._is_confirmed = True
        return self

    # --- what the rules are given ---------------------------------------------------------------

    def facts(self) -> Facts:
        return Facts(
            job=read_job(copy.deepcopy(self.raw)),
            now=self.now,
            settings=self.settings,
            attempts=tuple(
                Attempt(read_attempt(job), tuple(read_pod(pod) for pod in pods))
                for job, pods in self._attempts
            ),
            rivals=tuple(self._rivals),
            origins=self._origins,
            report=self._report,
            obstacle=self._obstacle,
            is_confirmed=self._is_confirmed,
        )

    def seen_again(self) -> Self:
        """Take over the status that was decided: the next look starts from it."""
        self.raw["status"] = decide(self.facts()).status.to_json_dict()
        return self


def a_job() -> JobBuilder:
    """Begin with the smallest job, just created."""
    return JobBuilder()


def a_running_job() -> JobBuilder:
    """Begin with a job whose first pod trains, as its status says."""
    return a_job().with_attempt().with_pod().seen_again()


def a_group(nodes: int = 2, **spec: Any) -> JobBuilder:
    """Begin with a job of several pods, just created."""
    return a_job().with_spec(resources={"nodes": nodes, "gpusPerNode": 4}, **spec)


def a_rival(name: str = "other", path: str = "model", **fields: Any) -> Rival:
    """Give another live job that writes to the same claim."""
    defaults: Raw = {"created_at": NOW - 500, "has_begun": False, "uid": "0"}
    return Rival(key=Key(NAMESPACE, name), place=Place("shared", path), **(defaults | fields))


def a_batch_job(
    number: int,
    *,
    suspended: bool = False,
    started_at: float | None = NOW - 60,
    active_seconds: int = 0,
    preempted_before: int = 0,
    owner_uid: str = UID,
) -> Raw:
    """Give the batch Job of an attempt as the Job controller would leave it."""
    status: Raw = {} if started_at is None or suspended else {"startTime": format_time(started_at)}
    return {
        "metadata": {
            "name": f"{NAME}-{number}",
            "namespace": NAMESPACE,
            "uid": f"batch-{number}",
            "resourceVersion": "1",
            "creationTimestamp": format_time(NOW - 60),
            "annotations": {
                names.ACTIVE_SECONDS_ANNOTATION: str(active_seconds),
                names.PREEMPTED_BEFORE_ANNOTATION: str(preempted_before),
            },
            "ownerReferences": [{"uid": owner_uid, "controller": True, "kind": "FineTuneJob"}],
        },
        "spec": {"suspend": suspended},
        "status": status,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class PodTale:
    """What is told of a pod; without a word, it runs."""

    exit_code: int | None = None
    message: str = ""
    end_reason: str = ""
    waiting: str = ""
    unschedulable: str = ""
    has_sandbox: bool = True
    disrupted: str = ""
    reason: str = ""
    pod_message: str = ""
    created_at: float = NOW - 60
    scheduled_at: float = NOW - 59
    index: int = 0
    is_deleting: bool = False

    @property
    def phase(self) -> str:
        if self.reason or self.exit_code:
            return "Failed"
        if self.exit_code == 0:
            return "Succeeded"
        return "Pending" if self.waiting or self.unschedulable else "Running"

    @property
    def state(self) -> Raw:
        if self.exit_code is not None:
            end = {"exitCode": self.exit_code, "message": self.message}
            end |= {"reason": self.end_reason or "Error", "finishedAt": format_time(NOW)}
            return {"terminated": end}
        if self.waiting:
            return {"waiting": {"reason": self.waiting, "message": f"{self.waiting} it is"}}
        return {"running": {"startedAt": format_time(self.created_at + 5)}}


def a_pod(job: Raw, index: int, tale: PodTale) -> Raw:
    """Give a pod as scheduler and kubelet would leave it."""
    conditions = [_scheduled(tale.unschedulable, tale.scheduled_at)]
    ready = "True" if tale.has_sandbox else "False"
    conditions.append({"type": "PodReadyToStartContainers", "status": ready})
    if tale.disrupted:
        disruption = {"type": "DisruptionTarget", "status": "True", "reason": tale.disrupted}
        conditions.append(disruption)
    container = {"name": "trainer", "state": tale.state, "imageID": "sha:1"}
    return {
        "metadata": {
            "name": f"{job['metadata']['name']}-{tale.index}-{'abcdef'[index]}",
            "namespace": NAMESPACE,
            "uid": f"pod-{job['metadata']['name']}-{index}",
            "resourceVersion": "1",
            "creationTimestamp": format_time(tale.created_at + index),
            "labels": {names.JOB_UID_LABEL: UID},
            "annotations": {names.INDEX_ANNOTATION: str(tale.index)},
            **({"deletionTimestamp": format_time(NOW)} if tale.is_deleting else {}),
            "ownerReferences": [{"uid": job["metadata"]["uid"], "controller": True}],
        },
        "spec": {} if tale.unschedulable else {"nodeName": "node-1"},
        "status": {
            "phase": tale.phase,
            "podIP": "10.0.0.7",
            "reason": tale.reason,
            "message": tale.pod_message,
            "conditions": conditions,
            "containerStatuses": [] if tale.unschedulable else [container],
        },
    }


def _scheduled(unschedulable: str, at: float) -> Raw:
    if unschedulable:
        word = {"status": "False", "reason": "Unschedulable", "message": unschedulable}
    else:
        word = {"status": "True"}
    return {"type": "PodScheduled", "lastTransitionTime": format_time(at), **word}
