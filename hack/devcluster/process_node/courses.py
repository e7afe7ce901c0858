"""The course of a pod that nobody disturbs: volumes, init containers, containers, restarts.

`pods.PodLife` runs it as a task and cancels it when the pod has to end. Whatever is missing holds
the pod with the waiting reason a kubelet gives, until it appears.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from devcluster.process_node.containers import Container
from devcluster.process_node.downward import PodFacts
from devcluster.process_node.launches import (
    ImageNotFoundError,
    Launch,
    LaunchContext,
    PodRoom,
    prepare_launch,
)
from devcluster.process_node.references import MissingReferenceError
from devcluster.process_node.reports import StatusReporter
from devcluster.process_node.services import NodeServices
from devcluster.process_node.volumes import VolumeSources, prepare_volumes

FIRST_BACK_OFF_SECONDS = 10.0
LONGEST_BACK_OFF_SECONDS = 300.0


class PodCourse:
    """One undisturbed run through a pod."""

    def __init__(
        self,
        services: NodeServices,
        facts: PodFacts,
        room: PodRoom,
        containers: tuple[Sequence[Container], Sequence[Container]],
        reporter: StatusReporter,
    ) -> None:
        """Prepare a course.

        Args:
            services: what the node offers.
            facts: the pod.
            room: its folders.
            containers: its init containers and its containers.
            reporter: told after every change of a container's state.
        """
        self._services = services
        self._facts = facts
        self._room = room
        self._init_containers, self._containers = containers
        self._reporter = reporter
        self._restart_policy = facts.pod["spec"].get("restartPolicy", "Always")

    async def run(self) -> None:
        """Go from the volumes to the end of the last container."""
        context = LaunchContext(
            facts=self._facts,
            room=self._room,
            settings=self._services.settings,
            references=self._services.references,
            volumes=await self._prepare_volumes(),
            neighbours=self._services.neighbours,
        )
        for container in self._init_containers:
            if container.spec.get("restartPolicy"):
                raise ValueError(f"init container {container.name!r}: this node has no sidecars")
            # An init container that succeeded is never restarted, whatever the policy says.
            await self._run_to_end(context, container, restarts_after_success=False)
            if container.describe().has_failed:
                return
        restarts = self._restart_policy == "Always"
        async with asyncio.TaskGroup() as group:
            for container in self._containers:
                group.create_task(
                    self._run_to_end(context, container, restarts_after_success=restarts)
                )

    async def _prepare_volumes(self) -> dict[str, Path]:
        sources = VolumeSources(self._facts, self._services.references, self._services.tokens)
        while True:
            try:
                return await prepare_volumes(sources, self._room.volumes)
            except MissingReferenceError as missing:
                # A kubelet leaves the containers at ContainerCreating and says why in an event.
                await self._services.references.wait_for_change(missing)

    async def _run_to_end(
        self, context: LaunchContext, container: Container, *, restarts_after_success: bool
    ) -> None:
        """Run a container until it ends for good."""
        pause_seconds = 0.0  # the first restart is at once
        while True:
            launch = await self._prepare(context, container)
            await container.start(launch)
            self._reporter.changed()
            ended = await container.wait_until_ended()
            self._reporter.changed()
            restarts = restarts_after_success if ended.exit_code == 0 else self._restarts_failed()
            if not restarts:
                return
            await self._back_off(container, pause_seconds)
            pause_seconds = min(
                max(FIRST_BACK_OFF_SECONDS, 2 * pause_seconds), LONGEST_BACK_OFF_SECONDS
            )

    async def _prepare(self, context: LaunchContext, container: Container) -> Launch:
        while True:
            try:
                return await prepare_launch(context, container.spec)
            except MissingReferenceError as missing:
                self._hold(container, "CreateContainerConfigError", str(missing))
                await self._services.references.wait_for_change(missing)
            except ImageNotFoundError as error:
                await self._hold_for_ever(container, error)

    async def _hold_for_ever(self, container: Container, error: ImageNotFoundError) -> None:
        """Fail to pull: our images are a setting, so they cannot appear while the pod waits."""
        self._hold(container, "ErrImagePull", str(error))
        await self._reporter.flush()
        image = container.spec["image"]
        self._hold(container, "ImagePullBackOff", f'Back-off pulling image "{image}": {error}')
        await asyncio.Event().wait()

    async def _back_off(self, container: Container, seconds: float) -> None:
        if seconds:
            name, facts = container.name, self._facts
            where = f"container={name} pod={facts.name}_{facts.namespace}({facts.uid})"
            text = f"back-off {seconds:.0f}s restarting failed {where}"
            self._hold(container, "CrashLoopBackOff", text)
            await asyncio.sleep(seconds)
        container.hold("ContainerCreating")

    def _hold(self, container: Container, reason: str, message: str) -> None:
        container.hold(reason, message)
        self._reporter.changed()

    def _restarts_failed(self) -> bool:
        return self._restart_policy in ("Always", "OnFailure")
