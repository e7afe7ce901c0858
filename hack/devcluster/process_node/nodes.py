"""The process node itself: registers, watches its pods and keeps what they share.

Runs as a process of its own (`python -m devcluster node`, `running_node.RunningNode`) or as an
async context manager in a test. See the package's docstring for what it is not.

A node that is stopped ends its pods as a machine that shuts down does (Failed, reason Terminated,
condition DisruptionTarget) and takes its Node object away. A node that is killed takes its
processes along; when one of the same name comes back it fails the pods of its former life with
reason NodeRestarted.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from devcluster.api import Api, Object
from devcluster.node_objects import NodeDescription, NodeRegistration, measure_capacity
from devcluster.pod_watches import follow_pods, read_uid
from devcluster.process_node.addresses import AddressRange
from devcluster.process_node.log_servers import LogServer
from devcluster.process_node.neighbours import Neighbours
from devcluster.process_node.pods import PodLife
from devcluster.process_node.records import Ending
from devcluster.process_node.references import ClusterReferences
from devcluster.process_node.services import NodeServices
from devcluster.process_node.settings import NodeSettings
from devcluster.process_node.storage import VolumeProvisioner
from devcluster.process_node.tokens import ClusterTokens

SHUTDOWN_GRACE_SECONDS = 2.0
SHUTDOWN_LIMIT_SECONDS = 8.0
ISOLATION_ANNOTATION = "finetune.dev/isolation"
ISOLATION = "none: containers are processes of the user who started this node"

log = logging.getLogger(__name__)


class ProcessNode:
    """A node whose containers are processes of this machine."""

    def __init__(self, kubeconfig: Path, settings: NodeSettings) -> None:
        """Prepare a node; it registers when the context is entered."""
        self._settings = settings
        self._api = Api(kubeconfig)
        self._lives: dict[str, PodLife] = {}
        self._pod_tasks: dict[str, asyncio.Task[None]] = {}
        self._background: list[asyncio.Task[None]] = []
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Register and return when pods can be scheduled here."""
        self._settings.folder.mkdir(parents=True, exist_ok=True)
        try:
            await self._start()
        except BaseException:
            await self._open.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all pods, report that, and take the Node away."""
        try:
            await self._shut_down_pods()
        finally:
            await self._open.aclose()

    async def wait(self) -> None:
        """Return never; raise what broke a part of the node."""
        await asyncio.gather(*self._background)

    def log_path(self, namespace: str, pod: str, container: str) -> Path:
        """Give where a container writes its output; the file stays when the pod is gone."""
        return self._settings.folder / "logs" / namespace / pod / f"{container}.log"

    async def _start(self) -> None:
        await self._open.enter_async_context(self._api)
        addresses = AddressRange.claim(self._settings.name)
        self._open.callback(addresses.close)
        disk_bytes = shutil.disk_usage(self._settings.folder).total
        capacity = measure_capacity(self._settings.gpus, disk_bytes=disk_bytes)
        self._services = NodeServices(
            api=self._api,
            settings=self._settings,
            neighbours=Neighbours(addresses),
            references=ClusterReferences(self._api),
            tokens=ClusterTokens(self._api),
            capacity=capacity,
        )
        logs = LogServer(self._api.authority, self.log_path, self._is_running)
        self._open.push_async_callback(logs.stop)
        version = (await self._api.read("/version"))["gitVersion"]
        description = NodeDescription(
            name=self._settings.name,
            capacity=capacity,
            kubelet_version=version,
            annotations={ISOLATION_ANNOTATION: ISOLATION},
            log_port=await logs.start(),
        )
        registration = NodeRegistration(self._api, description)
        storage = VolumeProvisioner(self._api, self._settings)
        await storage.create_class()
        await registration.register()
        self._open.push_async_callback(registration.withdraw)
        self._open.push_async_callback(self._cancel_tasks)
        for work in (registration.keep_alive(), self._follow_pods(), storage.run()):
            self._background.append(asyncio.create_task(work))
        await registration.wait_until_schedulable()
        log.info("node %s is ready; isolation is %s", self._settings.name, ISOLATION)

    async def _follow_pods(self) -> None:
        await follow_pods(self._api, self._settings.name, self._hear_of, self._forget)

    def _forget(self, uid: str) -> None:
        if life := self._lives.get(uid):
            life.forget()

    def _hear_of(self, pod: Object) -> None:
        uid = read_uid(pod)
        if uid not in self._lives:
            life = PodLife(pod, self._services)
            self._lives[uid] = life
            task = asyncio.create_task(life.run())
            self._pod_tasks[uid] = task
            task.add_done_callback(lambda task: self._finish(uid, task))
        self._lives[uid].update(pod)

    def _finish(self, uid: str, task: asyncio.Task[None]) -> None:
        life = self._lives.pop(uid)
        self._pod_tasks.pop(uid)
        if not task.cancelled() and (error := task.exception()):
            log.error("pod %s/%s", life.facts.namespace, life.facts.name, exc_info=error)

    def _is_running(self, namespace: str, pod: str, container: str) -> bool:
        return any(
            life.is_running(container)
            for life in self._lives.values()
            if (life.facts.namespace, life.facts.name) == (namespace, pod)
        )

    async def _shut_down_pods(self) -> None:
        ending = Ending(
            reason="Terminated",
            message="Pod was terminated in response to imminent node shutdown.",
            grace_seconds=SHUTDOWN_GRACE_SECONDS,
            fails_pod=True,
            is_disruption=True,
        )
        ends = [asyncio.create_task(life.shut_down(ending)) for life in self._lives.values()]
        if ends:
            _, late = await asyncio.wait(ends, timeout=SHUTDOWN_LIMIT_SECONDS)
            for task in late:
                task.cancel()

    async def _cancel_tasks(self) -> None:
        tasks = [*self._background, *self._pod_tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
