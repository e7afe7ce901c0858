"""What the training pod mounts, and where: one folder per claim or ConfigMap, as sources say."""

from typing import Any

from finetune_api.contract import environment
from finetune_api.contract.resolved_jobs import ResolvedJob, mount_path
from finetune_api.sources import parse_source
from finetune_api.v1alpha1 import FineTuneJob
from finetune_api.v1alpha1.spec_sources import list_sources
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
    written = list_written_claims(resolved)
    volumes += [
        {"name": _name_config_volume(index), "configMap": {"name": name}}
        for index, name in enumerate(list_config_maps(resolved))
    ]
    return volumes + [
        {
            "name": _name_volume(index),
            "persistentVolumeClaim": {"claimName": claim, "readOnly": claim not in written},
        }
        for index, claim in enumerate(list_claims(resolved))
    ]


def build_mounts(resolved: ResolvedJob) -> list[dict[str, Any]]:
    """Give the mounts of the trainer's container."""
    written = list_written_claims(resolved)
    mounts: list[dict[str, Any]] = [
        {"name": CONFIG_VOLUME, "mountPath": environment.JOB_DIRECTORY, "readOnly": True},
        {"name": SCRATCH_VOLUME, "mountPath": environment.SCRATCH_DIRECTORY},
        {"name": TEMPORARY_VOLUME, "mountPath": "/tmp"},
        {"name": MEMORY_VOLUME, "mountPath": "/dev/shm"},
    ]
    mounts += [
        {
            "name": _name_config_volume(index),
            "mountPath": f"{environment.CONFIG_MAPS_DIRECTORY}/{name}",
            "readOnly": True,
        }
        for index, name in enumerate(list_config_maps(resolved))
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
    written = [parse_source(uri) for uri in (resolved.output_uri, resolved.checkpoints_uri)]
    read = [source for _, source in list_sources(resolved.spec)]
    return list(dict.fromkeys(s.name for s in (*written, *read) if s.scheme == "pvc"))


def list_config_maps(resolved: ResolvedJob) -> list[str]:
    """Name every ConfigMap that the job reads, each once.

    Mounted whole, not by key: the trainer names the keys that there are when one is missing, where
    the kubelet would only let the pod wait.
    """
    sources = (source for _, source in list_sources(resolved.spec))
    return list(dict.fromkeys(s.name for s in sources if s.scheme == "configmap"))


def list_written_claims(resolved: ResolvedJob) -> set[str]:
    """Name the claims of output and checkpoints."""
    return {parse_source(uri).name for uri in (resolved.output_uri, resolved.checkpoints_uri)}


def _name_volume(index: int) -> str:
    # By number: a claim's name may hold what a volume's name must not.
    return f"claim-{index}"


def _name_config_volume(index: int) -> str:
    return f"configmap-{index}"
