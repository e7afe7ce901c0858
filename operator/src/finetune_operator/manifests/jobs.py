"""The batch Job of an attempt.

One Job is one counted attempt: its own retry budget is zero, and what the cluster does to a pod
(DisruptionTarget) is not counted but replaced inside the same Job. Created once, never re-applied:
Kueue edits its template and its `suspend`.
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

POD_FAILURE_POLICY: dict[str, Any] = {
    "rules": [
        {
            "action": "Ignore",
            "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
        },
        {
            "action": "FailJob",
            "onExitCodes": {
                "containerName": TRAINER_CONTAINER,
                "operator": "In",
                "values": list(PERMANENT_EXIT_CODES),
            },
        },
    ]
}


def build_job(
    job: FineTuneJob, resolved: ResolvedJob, launch: Launch, settings: Settings
) -> dict[str, Any]:
    """Give the batch Job of an attempt."""
    attempt = {names.ATTEMPT_LABEL: str(launch.number)}
    head = build_head(kinds.JOBS, job, names.name_attempt(job.metadata.name, launch.number))
    head["metadata"]["labels"] |= attempt | copy_queue_labels(job)
    spec: dict[str, Any] = {
        "completionMode": "Indexed",
        "completions": 1,
        "parallelism": 1,
        "backoffLimit": 0,
        # A second pod beside a terminating one would write to the same volume.
        "podReplacementPolicy": "Failed",
        "podFailurePolicy": POD_FAILURE_POLICY,
        "suspend": False,
        "template": {
            "metadata": {"labels": build_labels(job) | attempt},
            "spec": build_pod_spec(job, resolved, launch, settings),
        },
    }
    if launch.deadline_seconds is not None:
        spec["activeDeadlineSeconds"] = launch.deadline_seconds
    return head | {"spec": spec}


def copy_queue_labels(job: FineTuneJob) -> dict[str, str]:
    """Give the Kueue labels of the FineTuneJob: Kueue looks for them on the Job."""
    given = job.metadata.labels
    return {label: given[label] for label in names.KUEUE_LABELS if label in given}
