"""The batch Job of an attempt.

One Job is one attempt: its own retry budget is zero, and a pod that the cluster takes away
(DisruptionTarget) is replaced inside the same Job. One of several cannot be: they end with it, and
the attempt does not count. Created once, never re-applied: Kueue edits its template and `suspend`.
"""

from typing import Any

from finetune_api.contract.environment import TRAINER_CONTAINER
from finetune_api.contract.exit_codes import PERMANENT_EXIT_CODES
from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_api.v1alpha1 import FineTuneJob
from finetune_operator.core import kinds, names
from finetune_operator.core.plan import Launch
from finetune_operator.core.settings import Settings
from finetune_operator.manifests.metadata import build_head, build_labels
from finetune_operator.manifests.pods import build_pod_spec

DISRUPTED = [{"type": "DisruptionTarget", "status": "True"}]
FAIL_FOR_GOOD: dict[str, Any] = {
    "action": "FailJob",
    "onExitCodes": {
        "containerName": TRAINER_CONTAINER,
        "operator": "In",
        "values": list(PERMANENT_EXIT_CODES),
    },
}
POD_FAILURE_POLICY: dict[str, Any] = {
    "rules": [{"action": "Ignore", "onPodConditions": DISRUPTED}, FAIL_FOR_GOOD]
}
GROUP_FAILURE_POLICY: dict[str, Any] = {
    # A replaced pod would find nobody: the others have lost their peer, and end.
    "rules": [{"action": "FailJob", "onPodConditions": DISRUPTED}, FAIL_FOR_GOOD]
}
LEADER_SUCCESS_POLICY: dict[str, Any] = {"rules": [{"succeededIndexes": "0"}]}
"""The leader alone writes: when it is done, nothing that befalls another pod can spoil it."""


def build_job(
    job: FineTuneJob, resolved: ResolvedJob, launch: Launch, settings: Settings
) -> dict[str, Any]:
    """Give the batch Job of an attempt."""
    attempt = {names.ATTEMPT_LABEL: str(launch.number)}
    head = build_head(kinds.JOBS, job, names.name_attempt(job.metadata.name, launch.number))
    head["metadata"]["labels"] |= attempt | copy_queue_labels(job)
    spec: dict[str, Any] = {
        "completionMode": "Indexed",
        "completions": job.spec.resources.nodes,
        "parallelism": job.spec.resources.nodes,
        "backoffLimit": 0,
        # A second pod beside a terminating one would write to the same volume.
        "podReplacementPolicy": "Failed",
        **_build_policies(job),
        "suspend": False,
        "template": {
            "metadata": {"labels": build_labels(job) | attempt},
            "spec": build_pod_spec(job, resolved, launch, settings),
        },
    }
    if launch.preempted:
        note = {names.PREEMPTED_BEFORE_ANNOTATION: str(launch.preempted)}
        head["metadata"]["annotations"] = note
    if launch.deadline_seconds is not None:
        spec["activeDeadlineSeconds"] = launch.deadline_seconds
    return head | {"spec": spec}


def _build_policies(job: FineTuneJob) -> dict[str, Any]:
    if job.spec.resources.nodes == 1:
        return {"podFailurePolicy": POD_FAILURE_POLICY}
    return {"podFailurePolicy": GROUP_FAILURE_POLICY, "successPolicy": LEADER_SUCCESS_POLICY}


def copy_queue_labels(job: FineTuneJob) -> dict[str, str]:
    """Give the Kueue labels of the FineTuneJob: Kueue looks for them on the Job."""
    given = job.metadata.labels
    return {label: given[label] for label in names.KUEUE_LABELS if label in given}
