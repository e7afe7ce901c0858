"""The head of every child: name, labels, owner."""

from typing import Any

from finetune_api.v1alpha1 import API_VERSION, KIND, FineTuneJob
from finetune_operator.core import names
from finetune_operator.core.kinds import Kind

APPLICATION = "finetune"


def build_head(kind: Kind, job: FineTuneJob, name: str, *, is_owned: bool = True) -> dict[str, Any]:
    """Give apiVersion, kind and metadata of a child.

    Args:
        kind: of the child.
        job: the FineTuneJob it is for.
        name: of the child.
        is_owned: whether Kubernetes removes it with the job; a claim with a model outlives it.
    """
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": job.metadata.namespace,
        "labels": build_labels(job),
    }
    if is_owned:
        metadata["ownerReferences"] = [build_owner(job)]
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata}


def build_labels(job: FineTuneJob) -> dict[str, str]:
    """Give the labels that every child carries."""
    return {
        "app.kubernetes.io/name": APPLICATION,
        "app.kubernetes.io/instance": job.metadata.name,
        "app.kubernetes.io/component": "trainer",
        names.MANAGED_BY_LABEL: names.MANAGER,
        names.JOB_NAME_LABEL: job.metadata.name,
        names.JOB_UID_LABEL: job.metadata.uid,
    }


def build_owner(job: FineTuneJob) -> dict[str, Any]:
    """Give the reference by which Kubernetes removes a child with its job."""
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "name": job.metadata.name,
        "uid": job.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
