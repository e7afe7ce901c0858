"""Labels, annotations and the names of children: deterministic, so that a repeated create is seen.

A child's name follows from the job's name and the attempt alone. That is what makes a killed
operator safe: the second create of the same attempt is answered 409 instead of running it twice.
"""

import re

from finetune_api import v1alpha1

MANAGER = "finetune-operator"

JOB_NAME_LABEL = f"{v1alpha1.GROUP}/job-name"
"""The FineTuneJob that a child belongs to, for people and selectors."""
JOB_UID_LABEL = f"{v1alpha1.GROUP}/job-uid"
"""Its uid, for programs: names come back, uids do not."""
ATTEMPT_LABEL = f"{v1alpha1.GROUP}/attempt"
"""The number of the attempt, from 1."""
ACTIVE_SECONDS_ANNOTATION = f"{v1alpha1.GROUP}/active-seconds"
"""On a batch Job: seconds it was active before its suspensions, for Kubernetes forgets them."""
PREEMPTED_BEFORE_ANNOTATION = f"{v1alpha1.GROUP}/preempted-before"
"""On a batch Job of several pods: attempts before it that the cluster took away, if any."""
INDEX_ANNOTATION = "batch.kubernetes.io/job-completion-index"
"""Kubernetes' own, on the pods of an Indexed Job; 0 leads."""

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
SELECTOR = f"{MANAGED_BY_LABEL}={MANAGER}"

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
KUEUE_LABELS = (
    QUEUE_LABEL,
    "kueue.x-k8s.io/priority-class",
    "kueue.x-k8s.io/max-exec-time-seconds",
)
"""Copied from the FineTuneJob to its Job, where Kueue looks for them."""

_ATTEMPT = re.compile(r"-([1-9][0-9]*)$")


def name_attempt(job_name: str, attempt: int) -> str:
    """Name the batch Job of an attempt."""
    return f"{job_name}-{attempt}"


def name_config(job_name: str) -> str:
    """Name the ConfigMap that holds the resolved job."""
    return f"{job_name}-config"


def name_peers(job_name: str) -> str:
    """Name the Service under which the pods of a job find each other, and what guards them."""
    return f"{job_name}-peers"


def name_leader(job_name: str, attempt: int) -> str:
    """Give the host name of an attempt's pod with index 0, as its peers ask for it.

    Short, so that the first search domain of every cluster, whatever it is called, answers.
    """
    return f"{name_attempt(job_name, attempt)}-0.{name_peers(job_name)}"


def parse_attempt(child_name: str) -> int:
    """Read the attempt out of a batch Job's name; 0 where there is none."""
    match = _ATTEMPT.search(child_name)
    return int(match[1]) if match else 0
