"""What the training pod mounts, and where: one folder per claim, as sources name them."""

from typing import Any

from finetune_api.contract import environment
from finetune_api.contract.resolved_jobs import ResolvedJob, mount_path
from finetune_api.sources import parse_source
from finetune_api.v1alpha1 import FineTuneJob
from finetune_operator.core import names

CONFIG_VOLUME, SCRATCH_VOLUME, TEMPORARY_VOLUME, MEMORY_VOLUME = "job", "scratch", "tmp", "memory"


def build_volumes(job: FineTuneJob, resolved: ResolvedJob) -> list[dict[str, Any]]:
    """Give the volumes of the pod."""
    resources = job.spec.resources
    memory = {"medium": "Memory", "sizeLimit": str(resources.shared_memory)}
    volumes: list[dict[str, Any]] = [
        {"name": CONFIG_VOLUME, "configMap": {"name": names.name_config(job.metadata.name)}},
        {"name": SCRATCH_VOLUME, "emptyDir": {"sizeLimit": str(resources.ephemeral_storage)}},
        {"name": TEMPORARY_VOLUME, "emptyDir": {}},
        {"name": MEMORY_VOLUME, "emptyDir": memory},
    ]
    written = _list_written_claims(resolved)
    return volumes + [
        {
            "name": _name_volume(index),
            "persistentVolumeClaim": {"claimName": claim, "readOnly": claim not in written},
        }
        for index, claim in enumerate(list_claims(resolved))
    ]


def build_mounts(resolved: ResolvedJob) -> list[dict[str, Any]]:
    """Give the mounts of the trainer's container."""
    written = _list_written_claims(resolved)
    mounts: list[dict[str, Any]] = [
        {"name": CONFIG_VOLUME, "mountPath": environment.JOB_DIRECTORY, "readOnly": True},
        {"name": SCRATCH_VOLUME, "mountPath": environment.SCRATCH_DIRECTORY},
        {"name": TEMPORARY_VOLUME, "mountPath": "/tmp"},
        {"name": MEMORY_VOLUME, "mountPath": "/dev/shm"},
    ]
    return mounts + [
        {
            "name": _name_volume(index),
            "mountPath": mount_path(claim),
            "readOnly": claim not in written,
        }
        for index, claim in enumerate(list_claims(resolved))
    ]


def list_claims(resolved: ResolvedJob) -> list[str]:
    """Name every claim that the job reads from or writes to, each once."""
    spec, data = resolved.spec, resolved.spec.dataset
    uris = [
        resolved.output_uri,
        resolved.checkpoints_uri,
        spec.model.source,
        spec.model.tokenizer_source,
        data.train.source,
        data.validation.source,
        data.test.source if data.test else None,
    ]
    sources = [parse_source(uri) for uri in uris if uri]
    return list(dict.fromkeys(source.name for source in sources if source.scheme == "pvc"))


def _list_written_claims(resolved: ResolvedJob) -> set[str]:
    return {parse_source(uri).name for uri in (resolved.output_uri, resolved.checkpoints_uri)}


def _name_volume(index: int) -> str:
    # By number: a claim's name may hold what a volume's name must not.
    return f"claim-{index}"
