"""Puts the operator together and runs it: the only place that knows all parts.

Order of life: connect, list everything once, then reconcile while kopf watches. Nothing is decided
before the lists are in, for until then an absent child may only be unknown. Whatever part ends,
all end: a kubelet starts a whole operator again, nobody mends half of one.
"""

import asyncio
import logging
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any

import kopf
from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    CollectorRegistry,
    ProcessCollector,
    disable_created_metrics,
)

from finetune_operator.cluster.client import ApiClient
from finetune_operator.cluster.connections import load_configuration, read_endpoint
from finetune_operator.cluster.errors import (
    ClusterError,
    NotFoundError,
    TooManyRequestsError,
    UnavailableError,
)
from finetune_operator.cluster.events import EventWriter
from finetune_operator.core.settings import Settings
from finetune_operator.runtime.collector import Collector, DirectReader, PodReader, ProxiedReader
from finetune_operator.runtime.health import Health
from finetune_operator.runtime.informer import Forever, Informer, build_kopf_settings
from finetune_operator.runtime.metrics import OperatorCollector, build_renderer
from finetune_operator.runtime.observers import Observers
from finetune_operator.runtime.queues import KeyedQueue
from finetune_operator.runtime.reconciler import Reconciler
from finetune_operator.runtime.servers import build_health_app, build_metrics_app, serve
from finetune_operator.runtime.store import Store
from finetune_operator.runtime.sweep import Sweep
from finetune_operator.runtime.workers import Workers

log = logging.getLogger(__name__)


class Application:
    """A running operator."""

    def __init__(self, settings: Settings, client: ApiClient, registry: CollectorRegistry) -> None:
        self._settings = settings
        self._client = client
        self._registry = registry
        observers = Observers(registry)
        client.observe = observers.requested
        clock = time.time
        self._store = Store()
        self._queue = KeyedQueue(clock=time.monotonic)
        self._events = EventWriter(client)
        reconciler = Reconciler(client, self._store, settings, self._events, observers, clock)
        self._workers = Workers(self._queue, reconciler.reconcile, settings.workers, observers)
        self._store.nudge = self._workers.add_soon
        self._sweep = Sweep(client, self._store, self._workers.add, observers, clock)
        self._health = Health(self._sweep, settings, clock)
        self._collector = Collector(
            self._store, self._build_reader(), self._workers.add_soon, settings, observers, clock
        )
        self._render = build_renderer(self._store, registry, settings, clock)

    def _build_reader(self) -> PodReader:
        if self._settings.progress_through_api_server:
            return ProxiedReader(self._client, self._settings)
        return DirectReader(self._settings)

    async def run(self, sign_in: Any) -> None:
        """Run until told to stop, or until a part cannot go on."""
        settings = self._settings
        self._registry.register(OperatorCollector(self._store, self._queue, self._health))
        async with AsyncExitStack() as stack:
            await self._serve(stack)
            await self._fill()
            parts: list[Coroutine[Any, Any, None]] = [
                self._watch(sign_in),
                self._workers.run(),
                self._collector.run(),
                self._sweep.run(settings.namespaces, settings.sweep_seconds),
                self._events.run(),
                self._health.run(),
            ]
            await run_until_the_first_ends(parts)

    async def _serve(self, stack: AsyncExitStack) -> None:
        settings = self._settings
        apps = (
            (settings.metrics_port, build_metrics_app(self._render)),
            (settings.health_port, build_health_app(self._health)),
        )
        for port, app in apps:
            if port:
                runner = await serve(app, settings.bind_address, port)
                stack.push_async_callback(runner.cleanup)

    async def _fill(self) -> None:
        """List everything; a server that is not up yet is waited for."""
        for pause in Forever():
            try:
                await self._sweep.fill(self._settings.namespaces)
            except NotFoundError as error:
                raise ClusterError(
                    f"the API server does not know FineTuneJobs ({error}); install the"
                    " CustomResourceDefinition first"
                ) from error
            except (UnavailableError, TooManyRequestsError) as error:
                log.warning("the first lists are not in: %s", error)
                await asyncio.sleep(error.retry_after_seconds or pause)
            else:
                log.info("%d jobs are known, ready", len(self._store.jobs))
                return

    async def _watch(self, sign_in: Any) -> None:
        workers = self._workers
        informer = Informer(self._store, workers.add, workers.add_soon, self._sweep.ask)
        await kopf.operator(
            registry=informer.build_registry(sign_in),
            settings=build_kopf_settings(),
            standalone=True,
            clusterwide=not self._settings.namespaces,
            namespaces=self._settings.namespaces,
        )


async def run_until_the_first_ends(parts: list[Coroutine[Any, Any, None]]) -> None:
    """Run all parts; when one ends or fails, end the others and let its error out."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended = [task for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        if not task.cancelled():  # kopf cancels what it does not know when it is told to stop
            task.result()


async def run_operator(settings: Settings) -> None:
    """Connect and run until told to stop.

    Raises:
        ClusterError: there is no API server to talk to, or it lacks the definition.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]
    configuration = await load_configuration(settings.connections)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    for collector in (GC_COLLECTOR, PLATFORM_COLLECTOR):
        registry.register(collector)
    client = ApiClient(configuration, settings.request_timeout_seconds)
    try:
        await Application(settings, client, registry).run(lambda: read_endpoint(configuration))
    finally:
        await client.close()
