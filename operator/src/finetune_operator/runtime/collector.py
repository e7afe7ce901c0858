"""Asks running pods how far they are.

We ask, nobody pushes: so a pod can lie about its own job only, and needs no credentials. Every pod
is asked on its own schedule; one that does not answer is asked less often and holds up no other.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from pydantic import ValidationError
from pydantic_core import from_json

from finetune_api.contract.environment import PROGRESS_PATH
from finetune_api.contract.progress import MAX_REPORT_BYTES, ProgressReport
from finetune_operator.cluster.errors import ClusterError
from finetune_operator.core.facts import ReceivedReport
from finetune_operator.core.records import Key, PodRecord
from finetune_operator.core.settings import Settings
from finetune_operator.runtime.observers import Observers
from finetune_operator.runtime.ports import Clock, Cluster
from finetune_operator.runtime.store import Store

log = logging.getLogger(__name__)

MAX_IN_FLIGHT = 64
MAX_SLOWDOWN = 6


class UnansweredError(Exception):
    """The pod did not answer, or not with a report."""


class PodReader(Protocol):
    """A way to a pod."""

    async def read(self, pod: PodRecord) -> bytes:
        """Give the body of /progress.

        Raises:
            UnansweredError: there was none.
        """

    async def close(self) -> None:
        """Close connections."""


class DirectReader:
    """Asks a pod by its IP, as it is reached from inside the cluster."""

    def __init__(self, settings: Settings) -> None:
        self._port = settings.progress_port
        timeout = aiohttp.ClientTimeout(total=settings.progress_timeout_seconds)
        self._session = aiohttp.ClientSession(
            timeout=timeout, connector=aiohttp.TCPConnector(limit=MAX_IN_FLIGHT)
        )

    async def read(self, pod: PodRecord) -> bytes:
        """Give the body of /progress; a redirect is no answer: it could lead anywhere."""
        host = f"[{pod.ip}]" if ":" in pod.ip else pod.ip
        url = f"http://{host}:{self._port}{PROGRESS_PATH}"
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                if response.status != 200:
                    raise UnansweredError(f"HTTP {response.status}")
                return await _read_bounded(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnansweredError(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        """Close connections."""
        await self._session.close()


class ProxiedReader:
    """Asks a pod through the API server, for an operator outside the cluster."""

    def __init__(self, cluster: Cluster, settings: Settings) -> None:
        self._cluster = cluster
        self._port = settings.progress_port

    async def read(self, pod: PodRecord) -> bytes:
        """Give the body of /progress."""
        try:
            return await self._cluster.read_through_pod(
                pod.namespace, pod.name, self._port, PROGRESS_PATH
            )
        except ClusterError as error:
            raise UnansweredError(str(error)) from error

    async def close(self) -> None:
        """Nothing of our own is open."""


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    """Read at most one byte more than a report may have: the pod is not trusted."""
    content = b""
    async for chunk in response.content.iter_chunked(16 * 1024):
        content += chunk
        if len(content) > MAX_REPORT_BYTES:
            break
    return content


def parse_report(body: bytes) -> ProgressReport:
    """Read a report.

    Raises:
        UnansweredError: it is too long, no JSON, holds NaN, or is no report.
    """
    if len(body) > MAX_REPORT_BYTES:
        raise UnansweredError(f"the report is longer than {MAX_REPORT_BYTES} bytes")
    try:
        return ProgressReport.model_validate(from_json(body, allow_inf_nan=False))
    except (ValidationError, ValueError) as error:
        raise UnansweredError(f"no report: {type(error).__name__}") from error


@dataclass(slots=True)
class _Schedule:
    """When a pod is asked next."""

    due: float
    failures: int = 0
    is_in_flight: bool = False


class Collector:
    """Keeps the newest report of every running pod in the store."""

    def __init__(
        self,
        store: Store,
        reader: PodReader,
        add: Callable[[Key], None],
        settings: Settings,
        observers: Observers,
        clock: Clock,
    ) -> None:
        self._store = store
        self._reader = reader
        self._add = add
        self._pause = settings.progress_seconds
        self._observers = observers
        self._clock = clock
        self._schedules: dict[str, _Schedule] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Ask pods until cancelled."""
        try:
            while True:
                self.ask_who_is_due()
                await asyncio.sleep(min(1.0, self._pause / 4))
        finally:
            for task in self._tasks:
                task.cancel()
            await self._reader.close()

    def ask_who_is_due(self) -> None:
        """Start asking every pod whose time has come, as far as there is room."""
        now = self._clock()
        running = {pod.uid: (key, uid, pod) for key, uid, pod in self._list_running()}
        for gone in self._schedules.keys() - running.keys():
            del self._schedules[gone]
        for pod_uid, (key, uid, pod) in running.items():
            schedule = self._schedules.setdefault(pod_uid, _Schedule(due=now))
            if schedule.is_in_flight or schedule.due > now or len(self._tasks) >= MAX_IN_FLIGHT:
                continue
            schedule.is_in_flight = True
            task = asyncio.create_task(self._ask(key, uid, pod, schedule))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _list_running(self) -> Iterator[tuple[Key, str, PodRecord]]:
        for key, job in self._store.jobs.items():
            if job.is_finished:
                continue
            for attempt in self._store.list_attempts(job.uid)[-1:]:
                pod = attempt.pod
                if pod is not None and pod.ip and pod.running_since and not pod.disruption:
                    yield key, job.uid, pod

    async def _ask(self, key: Key, uid: str, pod: PodRecord, schedule: _Schedule) -> None:
        try:
            report = parse_report(await self._reader.read(pod))
        except UnansweredError as reason:
            schedule.failures = min(MAX_SLOWDOWN, schedule.failures + 1)
            self._observers.reported("failed")
            log.debug("%s: pod %s: %s", key, pod.name, reason)
        else:
            schedule.failures = 0
            self._observers.reported("success")
            self._store.record_report(key, uid, ReceivedReport(report, self._clock()))
            self._add(key)
        finally:
            slowdown = max(1, schedule.failures)
            spread = random.uniform(0.95, 1.05)
            schedule.due = self._clock() + self._pause * slowdown * spread
            schedule.is_in_flight = False
