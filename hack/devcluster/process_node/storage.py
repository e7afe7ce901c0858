"""Plays the dynamic provisioner: a folder for every claim of the default storage class.

As most real clusters do, it waits for the first pod that uses a claim; the scheduler then names
this node in an annotation. The PersistentVolume controller binds, we only make and remove volumes.
A folder on this machine is ReadWriteMany by nature, so every access mode is granted.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from devcluster.api import CONFLICT, Api, Changed, Listed, Object, persist, suppress_status
from devcluster.errors import ApiError
from devcluster.process_node.settings import NodeSettings

STORAGE_CLASS = "process-node"
PROVISIONER = "finetune.dev/process-node"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE = "volume.kubernetes.io/selected-node"

log = logging.getLogger(__name__)


class VolumeProvisioner:
    """Makes and removes the volumes of one node."""

    def __init__(self, api: Api, settings: NodeSettings) -> None:
        self._api = api
        self._node = settings.name
        self._folder = settings.folder.resolve() / "storage"

    async def create_class(self) -> None:
        """Create the default StorageClass unless another node did."""
        with suppress_status(CONFLICT):
            await self._api.create("/apis/storage.k8s.io/v1/storageclasses", build_storage_class())

    async def run(self) -> None:
        """Provision and clean up for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_claims())
            group.create_task(self._follow_volumes())

    async def _follow_claims(self) -> None:
        async for news in self._api.follow("/api/v1/persistentvolumeclaims"):
            for claim in read_items(news):
                if is_ours_to_provision(claim, self._node):
                    await self._persist(self._provision, claim)

    async def _follow_volumes(self) -> None:
        async for news in self._api.follow("/api/v1/persistentvolumes"):
            for volume in read_items(news):
                if is_released(volume) and self._folder in read_folder(volume).parents:
                    await self._persist(self._remove, volume)

    async def _persist(self, step: Callable[[Object], Awaitable[None]], item: Object) -> None:
        """Do a step over failures of the connection; a refusal must not end the provisioner."""
        try:
            await persist(lambda: step(item))
        except ApiError as error:
            log.warning("storage for %s: %s", item["metadata"]["name"], error)

    async def _provision(self, claim: Object) -> None:
        folder = self._folder / f"pvc-{claim['metadata']['uid']}"
        folder.mkdir(parents=True, exist_ok=True)
        with suppress_status(CONFLICT):  # heard of twice
            await self._api.create("/api/v1/persistentvolumes", build_volume(claim, folder))

    async def _remove(self, volume: Object) -> None:
        # Folder first: if we die in between, the released volume is found again.
        await asyncio.to_thread(shutil.rmtree, read_folder(volume), ignore_errors=True)
        await self._api.delete(f"/api/v1/persistentvolumes/{volume['metadata']['name']}")


def build_storage_class() -> Object:
    """Build the default StorageClass."""
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": STORAGE_CLASS,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def build_volume(claim: Object, folder: Path) -> Object:
    """Build the PersistentVolume for a claim; `claimRef` keeps it for this claim alone."""
    metadata, spec = claim["metadata"], claim["spec"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": folder.name, "annotations": {PROVISIONED_BY: PROVISIONER}},
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "volumeMode": "Filesystem",
            "storageClassName": STORAGE_CLASS,
            "persistentVolumeReclaimPolicy": "Delete",
            "hostPath": {"path": str(folder), "type": "DirectoryOrCreate"},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
        },
    }


def is_ours_to_provision(claim: Object, node: str) -> bool:
    """Whether a claim waits for a volume on this node."""
    metadata, spec = claim["metadata"], claim["spec"]
    return (
        spec.get("storageClassName") == STORAGE_CLASS
        and not spec.get("volumeName")
        and not metadata.get("deletionTimestamp")
        and metadata.get("annotations", {}).get(SELECTED_NODE) == node
    )


def is_released(volume: Object) -> bool:
    """Whether the claim of a volume of ours is gone."""
    provisioner = volume["metadata"].get("annotations", {}).get(PROVISIONED_BY)
    phase = volume.get("status", {}).get("phase")
    return (provisioner, phase) == (PROVISIONER, "Released")


def read_folder(volume: Object) -> Path:
    """Give the folder of a volume that we made."""
    return Path(volume["spec"]["hostPath"]["path"])


def read_items(news: Listed | Changed) -> tuple[Object, ...]:
    """Give the objects that exist according to this piece of news."""
    if isinstance(news, Listed):
        return news.items
    return () if news.kind == "DELETED" else (news.item,)
