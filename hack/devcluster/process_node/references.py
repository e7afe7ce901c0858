"""Looks up what a pod refers to, and waits for what is not there yet.

A kubelet tries again and again while a ConfigMap is missing; here the error itself says what to
watch, so the pod goes on the moment the object appears. Used by `environment` and `volumes`.
"""

from __future__ import annotations

from typing import Protocol

from devcluster.api import Api, Listed, Object, persist

COLLECTIONS = {
    "configmap": "configmaps",
    "secret": "secrets",
    "persistentvolumeclaim": "persistentvolumeclaims",
}


class MissingReferenceError(Exception):
    """Something a pod needs is not there (yet)."""

    def __init__(self, message: str, collection: str, name: str, version: str) -> None:
        super().__init__(message)
        self.collection = collection
        self.name = name
        self.version = version


class References(Protocol):
    """Reads objects by kind, namespace and name; tests put a dictionary in its place."""

    async def find(self, kind: str, namespace: str, name: str) -> tuple[Object | None, str]:
        """Give the object, or None, and the version at which that was so."""
        ...

    async def read_volume(self, name: str) -> Object:
        """Give a PersistentVolume."""
        ...


class ClusterReferences:
    """References in a real cluster."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def find(self, kind: str, namespace: str, name: str) -> tuple[Object | None, str]:
        """Read through a list of one: its version is where a watch can start without a gap."""
        listed = await self._list(build_collection_path(kind, namespace), name)
        return (listed.items[0] if listed.items else None), listed.version

    async def read_volume(self, name: str) -> Object:
        """Read a PersistentVolume; a bound claim is sure to have one."""
        return await persist(lambda: self._api.read(f"/api/v1/persistentvolumes/{name}"))

    async def wait_for_change(self, missing: MissingReferenceError) -> None:
        """Return when the missing object was touched since it was looked up."""
        await self._api.wait_for_change(
            missing.collection, missing.version, fieldSelector=f"metadata.name={missing.name}"
        )

    async def _list(self, path: str, name: str) -> Listed:
        selector = f"metadata.name={name}"
        return await persist(lambda: self._api.list_collection(path, fieldSelector=selector))


def build_collection_path(kind: str, namespace: str) -> str:
    """Build the path of all objects of a kind in a namespace."""
    return f"/api/v1/namespaces/{namespace}/{COLLECTIONS[kind]}"


async def read_required(references: References, kind: str, namespace: str, name: str) -> Object:
    """Give an object.

    Raises:
        MissingReferenceError: it does not exist; in the words of the kubelet.
    """
    found, version = await references.find(kind, namespace, name)
    if found is None:
        path = build_collection_path(kind, namespace)
        raise MissingReferenceError(f'{kind} "{name}" not found', path, name, version)
    return found
