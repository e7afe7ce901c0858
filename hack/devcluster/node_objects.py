"""Registers a Node and keeps it alive, for both of our nodes.

The node controller believes a node as long as its Lease is renewed, so the heartbeat here is what
keeps it from tainting the node and evicting its pods.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field

from devcluster.api import (
    CONFLICT,
    CONNECTION_ERRORS,
    NOT_FOUND,
    Api,
    Object,
    persist,
    suppress_status,
)
from devcluster.errors import ApiError, StartError
from devcluster.timestamps import format_micro_time, format_time, read_now

NODES = "/api/v1/nodes"
NAMESPACES = "/api/v1/namespaces"
LEASE_NAMESPACE = "kube-node-lease"
LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{LEASE_NAMESPACE}/leases"
LEASE_SECONDS = 40
RENEW_SECONDS = 10
SCHEDULABLE_SECONDS = 30.0
NOT_READY_TAINT = "node.kubernetes.io/not-ready"
GPU_RESOURCE = "nvidia.com/gpu"
MAX_PODS = 110
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NodeDescription:
    """What a node says of itself."""

    name: str
    capacity: Mapping[str, str]
    kubelet_version: str
    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    address: str = "127.0.0.1"
    log_port: int | None = None  # where `kubectl logs` is answered


def measure_capacity(gpus: int = 0, *, disk_bytes: int = 0) -> dict[str, str]:
    """Measure this machine; GPUs are what the caller claims, zero leaves them out."""
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    capacity = {
        "cpu": str(os.cpu_count() or 1),
        "memory": f"{memory_bytes // 1024}Ki",
        "ephemeral-storage": f"{disk_bytes // 1024}Ki",
        "pods": str(MAX_PODS),
    }
    return {**capacity, GPU_RESOURCE: str(gpus)} if gpus else capacity


def build_node(description: NodeDescription, now: str) -> Object:
    """Build the Node object of a healthy node."""
    architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
    system_labels = {
        "kubernetes.io/hostname": description.name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
    }
    metadata = {
        "name": description.name,
        "labels": {**system_labels, **description.labels},
        "annotations": dict(description.annotations),
    }
    status: Object = {
        "capacity": dict(description.capacity),
        "allocatable": dict(description.capacity),
        "conditions": build_conditions(now),
        "addresses": [
            {"type": "InternalIP", "address": description.address},
            {"type": "Hostname", "address": description.name},
        ],
        "nodeInfo": build_node_info(description.kubelet_version, architecture),
    }
    if description.log_port:
        status["daemonEndpoints"] = {"kubeletEndpoint": {"Port": description.log_port}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "status": status}


def build_conditions(now: str) -> list[Object]:
    """Build the conditions of a healthy node, in the words of the kubelet."""
    rows = (
        (
            "MemoryPressure",
            "False",
            "KubeletHasSufficientMemory",
            "has sufficient memory available",
        ),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "is posting ready status"),
    )
    return [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": f"kubelet {words}",
            "lastHeartbeatTime": now,
            "lastTransitionTime": now,
        }
        for kind, status, reason, words in rows
    ]


def build_node_info(kubelet_version: str, architecture: str) -> dict[str, str]:
    """Build status.nodeInfo; the API server wants every field there."""
    return {
        "architecture": architecture,
        "operatingSystem": "linux",
        "kernelVersion": platform.release(),
        "osImage": "local processes",
        "containerRuntimeVersion": "process://1",
        "kubeletVersion": kubelet_version,
        "kubeProxyVersion": "",
        "machineID": "",
        "systemUUID": "",
        "bootID": "",
    }


class NodeRegistration:
    """The Node and its Lease in one API server."""

    def __init__(self, api: Api, description: NodeDescription) -> None:
        self._api = api
        self._description = description
        self._path = f"{NODES}/{description.name}"

    async def register(self) -> None:
        """Create the Node, or bring the one of a former life up to date."""
        node = build_node(self._description, format_time(read_now()))
        try:
            await self._api.create(NODES, node)
        except ApiError as error:
            if error.status != CONFLICT:
                raise
            await self._api.patch(self._path, {"metadata": node["metadata"]})
            await self._api.patch(f"{self._path}/status", {"status": node["status"]})
        await self._wait_for_lease_namespace()
        await persist(self._renew)

    async def wait_until_schedulable(self) -> None:
        """Wait for the node controller to take off the taint every new node is born with.

        Raises:
            StartError: it does not.
        """
        try:
            async with asyncio.timeout(SCHEDULABLE_SECONDS):
                await self._wait_for_taint_to_go()
        except TimeoutError:
            raise StartError(
                f"node {self._description.name} keeps the taint {NOT_READY_TAINT}: "
                f"does the controller manager run?"
            ) from None

    async def _wait_for_taint_to_go(self) -> None:
        selector = f"metadata.name={self._description.name}"
        while True:
            listed = await self._api.list_collection(NODES, fieldSelector=selector)
            taints = [t for node in listed.items for t in node["spec"].get("taints", ())]
            if not any(taint["key"] == NOT_READY_TAINT for taint in taints):
                return
            await self._api.wait_for_change(NODES, listed.version, fieldSelector=selector)

    async def keep_alive(self) -> None:
        """Renew the Lease for ever."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await persist(self._renew)

    async def withdraw(self) -> None:
        """Delete the Node and its Lease, so that nothing is scheduled here any more."""
        try:
            await self._api.delete(self._path)
            await self._api.delete(f"{LEASES}/{self._description.name}")
        except CONNECTION_ERRORS as error:  # the cluster went first: then nobody needs to know
            log.info("node %s goes without a word: %s", self._description.name, error)

    async def _wait_for_lease_namespace(self) -> None:
        # The API server makes it shortly after it has become ready.
        selector = f"metadata.name={LEASE_NAMESPACE}"
        while True:
            listed = await self._api.list_collection(NAMESPACES, fieldSelector=selector)
            if listed.items:
                return
            await self._api.wait_for_change(NAMESPACES, listed.version, fieldSelector=selector)

    async def _renew(self) -> None:
        name = self._description.name
        spec = {
            "holderIdentity": name,
            "leaseDurationSeconds": LEASE_SECONDS,
            "renewTime": format_micro_time(read_now()),
        }
        with suppress_status(NOT_FOUND):
            await self._api.patch(f"{LEASES}/{name}", {"spec": spec})
            return
        await self._api.create(LEASES, {"metadata": {"name": name}, "spec": spec})
