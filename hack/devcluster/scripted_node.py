"""A node that runs nothing: it writes the pod statuses a scenario tells it to.

For faults that are hard to make (OOMKilled, Evicted, a pod that never gets ready) and for scale,
where thousands of pods must cost nothing. Everything else is real: scheduler, Job controller,
admission. See `scenarios` for how one is written.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

from devcluster.api import CONFLICT, NOT_FOUND, Api, Object, persist, suppress_status
from devcluster.node_objects import NodeDescription, NodeRegistration
from devcluster.pod_watches import follow_pods, read_uid
from devcluster.process_node.addresses import AddressRange
from devcluster.process_node.records import (
    ContainerRecord,
    ContainerState,
    Ending,
    PodRecord,
    Terminated,
    Waiting,
)
from devcluster.process_node.statuses import build_status
from devcluster.scenarios import Scenario, Step, finish, succeed
from devcluster.timestamps import read_now

SIGTERM_EXIT_CODE = 143
ROOMY = {"cpu": "10000", "memory": "100Ti", "ephemeral-storage": "100Ti", "pods": "100000"}

log = logging.getLogger(__name__)


class ScriptedNode:
    """A node that plays a scenario for every pod; an async context manager."""

    def __init__(
        self,
        kubeconfig: Path,
        scenario: Scenario = succeed,
        *,
        name: str = "scripted-node",
        capacity: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare a node; `capacity` is added to one that is hard to fill and has no GPUs."""
        self._api = Api(kubeconfig)
        self._scenario = scenario
        self._name = name
        self._capacity = {**ROOMY, **(capacity or {})}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._dying: set[str] = set()
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Register and return when pods can be scheduled here."""
        await self._open.enter_async_context(self._api)
        self._addresses = AddressRange.claim(self._name)
        self._open.callback(self._addresses.close)
        version = (await self._api.read("/version"))["gitVersion"]
        description = NodeDescription(self._name, self._capacity, version)
        registration = NodeRegistration(self._api, description)
        await registration.register()
        self._open.push_async_callback(registration.withdraw)
        self._start("heartbeat", registration.keep_alive())
        self._start("pods", follow_pods(self._api, self._name, self._see, self._forget))
        self._open.push_async_callback(self._cancel_tasks)
        await registration.wait_until_schedulable()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop playing and take the Node away; pods stay as they are."""
        await self._open.aclose()

    def _see(self, pod: Object) -> None:
        uid = read_uid(pod)
        if pod["metadata"].get("deletionTimestamp"):
            if uid not in self._dying:
                self._dying.add(uid)
                self._forget(uid)
                self._start(uid, self._bury(pod))
        elif uid not in self._tasks:
            self._start(uid, self._play(pod))

    def _forget(self, uid: str) -> None:
        if task := self._tasks.pop(uid, None):
            task.cancel()

    async def _play(self, pod: Object) -> None:
        player = _Player(self._api, pod, self._addresses.take())
        async for step in self._scenario(pod):
            await player.show(step)

    async def _bury(self, pod: Object) -> None:
        """End a deleted pod as a kubelet would if its containers obeyed SIGTERM."""
        player = _Player(self._api, pod, self._addresses.take())
        if pod["status"].get("phase") not in ("Succeeded", "Failed"):
            await player.show(finish(SIGTERM_EXIT_CODE, ending=Ending(fails_pod=True)))
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": read_uid(pod)}}
        with suppress_status(CONFLICT):
            await persist(lambda: self._api.delete(player.path, options))

    def _start(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(_log_failure)
        self._tasks[key] = task

    async def _cancel_tasks(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Player:
    """Writes the steps of one pod."""

    def __init__(self, api: Api, pod: Object, address: str) -> None:
        metadata = pod["metadata"]
        self.path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        self._api = api
        self._pod = pod
        self._address = address
        self._started_at = read_now()
        conditions = pod["status"].get("conditions") or ()
        self._conditions: dict[str, Object] = {entry["type"]: entry for entry in conditions}

    async def show(self, step: Step) -> None:
        """Write one step; a pod that is gone or replaced is left alone."""
        status = build_status(self._describe(step), self._conditions, read_now())
        self._conditions.update({entry["type"]: entry for entry in status["conditions"]})
        change = {"metadata": {"uid": self._pod["metadata"]["uid"]}, "status": status}
        with suppress_status(NOT_FOUND, CONFLICT):
            await persist(lambda: self._api.patch(f"{self.path}/status", change))

    def _describe(self, step: Step) -> PodRecord:
        spec = self._pod["spec"]
        done = Terminated(0, "Completed", "", self._started_at, self._started_at, "scripted://0")
        return PodRecord(
            init_containers=_describe_containers(spec.get("initContainers") or (), done),
            containers=_describe_containers(spec["containers"], step.state),
            restart_policy=spec.get("restartPolicy", "Always"),
            started_at=self._started_at,
            pod_ip=self._address,
            generation=self._pod["metadata"].get("generation", 0),
            ending=step.ending,
        )


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("scripted node", exc_info=error)


def _describe_containers(
    containers: Sequence[Object], state: ContainerState
) -> tuple[ContainerRecord, ...]:
    container_id = "" if isinstance(state, Waiting) else "scripted://1"
    return tuple(
        ContainerRecord(
            name=container["name"],
            image=container["image"],
            state=state,
            container_id=container_id,
        )
        for container in containers
    )
