"""The life of one pod on this node, from binding to the removal of its object.

`nodes` makes a `PodLife` for every pod bound to it and passes on what it hears. Two things race:
the pod's own course (volumes, init containers, containers) and an end from outside (deletion,
deadline, shutdown of the node). The second cancels the first and then ends what runs, so no
step of the course has to think about it.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from dataclasses import replace
from datetime import datetime

from devcluster.api import CONFLICT, Object, persist, suppress_status
from devcluster.process_node.containers import Container, compute_message_limit
from devcluster.process_node.courses import PodCourse
from devcluster.process_node.downward import PodFacts
from devcluster.process_node.launches import PodRoom
from devcluster.process_node.records import Ending, PodRecord, Running
from devcluster.process_node.reports import StatusReporter
from devcluster.process_node.services import NodeServices
from devcluster.timestamps import parse_time, read_now

DEFAULT_GRACE_SECONDS = 30.0
FORCED_GRACE_SECONDS = 1.0  # what a kubelet makes of grace period 0
TERMINAL_PHASES = ("Succeeded", "Failed")

log = logging.getLogger(__name__)


class PodLife:
    """Runs one pod."""

    def __init__(self, pod: Object, services: NodeServices) -> None:
        """Take a pod that was bound to this node; `run` does the work."""
        self._pod = pod
        self._services = services
        self._address = services.neighbours.take_address(pod)
        settings = services.settings
        self.facts = PodFacts(pod, settings.name, self._address, services.capacity)
        self.room = PodRoom(
            # Short, since a program may put a socket into TMPDIR, and those have at most 108 bytes.
            folder=settings.folder / "pods" / self.facts.uid[:8],
            logs=settings.folder / "logs" / self.facts.namespace / self.facts.name,
        )
        self._started_at: datetime = read_now()
        self._ending: Ending | None = None
        self._is_over = False
        self._must_end = asyncio.Event()
        self._must_go = asyncio.Event()  # the object is to be removed, or is gone already
        self._is_settled = asyncio.Event()  # over, and the API server knows
        self._object_is_gone = False
        self._hurry: asyncio.Task[None] | None = None
        self._init_containers = self._make_containers("initContainers")
        self._containers = self._make_containers("containers")
        self._all_containers = (*self._init_containers, *self._containers)
        self._reporter = StatusReporter(services.api, self.facts, self.describe)

    def describe(self) -> PodRecord:
        """Give what is to be reported."""
        return PodRecord(
            init_containers=tuple(c.describe() for c in self._init_containers),
            containers=tuple(c.describe() for c in self._containers),
            restart_policy=self._pod["spec"].get("restartPolicy", "Always"),
            started_at=self._started_at,
            pod_ip=self._address,
            generation=self._pod["metadata"].get("generation", 0),
            ending=self._ending,
            is_over=self._is_over,
        )

    def is_running(self, container: str) -> bool:
        """Whether a container runs now."""
        states = (c.state for c in self._all_containers if c.name == container)
        return any(isinstance(state, Running) for state in states)

    def update(self, pod: Object) -> None:
        """Take note of a new version of the pod."""
        self._pod = pod
        if pod["metadata"].get("deletionTimestamp"):
            grace = pod["metadata"].get("deletionGracePeriodSeconds", DEFAULT_GRACE_SECONDS)
            self.end(Ending(grace_seconds=max(grace, FORCED_GRACE_SECONDS)))
            self._must_go.set()

    def forget(self) -> None:
        """Take note that the object is gone: nobody is interested any more."""
        self._object_is_gone = True
        self._reporter.close()
        self.end(Ending(grace_seconds=FORCED_GRACE_SECONDS))
        self._must_go.set()

    def end(self, ending: Ending) -> None:
        """Bring the pod to its end; the first reason given stays, a shorter grace period counts."""
        if self._is_over:
            return
        if self._ending is None:
            self._ending = ending
        elif ending.grace_seconds < self._ending.grace_seconds:
            self._ending = replace(self._ending, grace_seconds=ending.grace_seconds)
            self._hurry = asyncio.create_task(self._terminate_containers())
        self._must_end.set()

    async def run(self) -> None:
        """Run the pod until its object is gone."""
        try:
            await self._live_and_report()
            self._is_settled.set()
            await self._must_go.wait()
            if not self._object_is_gone:
                await self._remove_object()
        finally:
            self._reporter.close()
            self._services.neighbours.give_back(self._pod, self._address)
            shutil.rmtree(self.room.folder, ignore_errors=True)

    async def shut_down(self, ending: Ending) -> None:
        """End the pod because the node goes; return when that is reported. Its object stays."""
        self.end(ending)
        await self._is_settled.wait()

    async def _live_and_report(self) -> None:
        if self._pod.get("status", {}).get("phase") in TERMINAL_PHASES:
            return
        if is_left_over(self._pod):
            self._bury()
        else:
            await self._live()
        await self._reporter.flush()

    async def _live(self) -> None:
        if not self._must_end.is_set():
            self.room.make()
            self._reporter.changed()
            await self._follow_course()
        await self._terminate_containers()
        if self._ending:
            for container in self._all_containers:
                container.write_off()
        self._is_over = True

    async def _follow_course(self) -> None:
        """Return when the pod came to its own end, or has to end."""
        containers = (self._init_containers, self._containers)
        course = PodCourse(self._services, self.facts, self.room, containers, self._reporter)
        driving = asyncio.create_task(course.run())
        told = asyncio.create_task(self._must_end.wait())
        deadline = self._start_deadline()
        try:
            await asyncio.wait({driving, told}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            told.cancel()
            driving.cancel()
            if deadline:
                deadline.cancel()
        [outcome] = await asyncio.gather(driving, return_exceptions=True)
        if isinstance(outcome, Exception):
            log.error("pod %s/%s", self.facts.namespace, self.facts.name, exc_info=outcome)
            self.end(Ending("ProcessNodeError", describe_error(outcome), fails_pod=True))

    async def _terminate_containers(self) -> None:
        grace_seconds = self._ending.grace_seconds if self._ending else 0
        await asyncio.gather(*(c.terminate(grace_seconds) for c in self._all_containers))

    def _bury(self) -> None:
        """Fail a pod that ran before this node was started: its processes died with the node."""
        self._started_at = parse_time(self._pod["status"]["startTime"])
        text = "The node was restarted; the processes of its former life are gone"
        self._ending = Ending("NodeRestarted", text, fails_pod=True)
        for container in self._all_containers:
            container.write_off()
        self._is_over = True

    def _start_deadline(self) -> asyncio.TimerHandle | None:
        seconds = self._pod["spec"].get("activeDeadlineSeconds")
        if seconds is None:
            return None
        ending = Ending(
            reason="DeadlineExceeded",
            message="Pod was active on the node longer than the specified deadline",
            grace_seconds=self._read_grace_seconds(),
            fails_pod=True,
        )
        return asyncio.get_running_loop().call_later(seconds, self.end, ending)

    def _read_grace_seconds(self) -> float:
        seconds = self._pod["spec"].get("terminationGracePeriodSeconds")
        return DEFAULT_GRACE_SECONDS if seconds is None else float(seconds)

    async def _remove_object(self) -> None:
        """Delete the object for good; a finalizer may still hold it, which is not our concern."""
        path = f"/api/v1/namespaces/{self.facts.namespace}/pods/{self.facts.name}"
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.facts.uid}}
        with suppress_status(CONFLICT):  # by now another pod has this name
            await persist(lambda: self._services.api.delete(path, options))

    def _make_containers(self, field: str) -> tuple[Container, ...]:
        spec = self._pod["spec"]
        waits_for_others = field == "containers" and spec.get("initContainers")
        return tuple(
            Container(
                container,
                self.room.logs / f"{container['name']}.log",
                waiting_for="PodInitializing" if waits_for_others else "ContainerCreating",
                message_limit=compute_message_limit(len(spec["containers"])),
            )
            for container in spec.get(field) or ()
        )


def is_left_over(pod: Object) -> bool:
    """Whether a pod that we hear of for the first time was started by someone before us."""
    status = pod.get("status", {})
    return bool(status.get("startTime")) and status.get("phase") not in TERMINAL_PHASES


def describe_error(error: Exception) -> str:
    """Give the message of an error, or of the first one in a group."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return str(error)
