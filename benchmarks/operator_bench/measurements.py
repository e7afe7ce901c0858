"""What is measured: from a job accepted to its batch Job seen, and the drain of a burst."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from operator_bench.api_sessions import BATCH_JOBS, JOBS, ApiSession
from operator_bench.jobs import build_job

WAIT_SECONDS = 120.0
IN_FLIGHT = 32

Follow = Callable[[dict[str, Any]], Awaitable[None]]
"""What follows the creation of a FineTuneJob: nothing (the operator's turn) or bare writes."""


@dataclass(slots=True)
class Arrivals:
    """When each batch Job was first seen by a watch."""

    seconds: dict[str, float] = field(default_factory=dict)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def record(self, session: ApiSession, namespace: str, started: asyncio.Event) -> None:
        """Watch until cancelled."""
        async for event in session.watch(BATCH_JOBS.format(namespace=namespace), started):
            if event["type"] == "ADDED":
                self.seconds[event["object"]["metadata"]["name"]] = time.perf_counter()
                async with self._changed:
                    self._changed.notify_all()

    async def wait_for(self, is_there: Callable[[dict[str, float]], bool]) -> None:
        """Wait until enough was seen."""
        async with asyncio.timeout(WAIT_SECONDS), self._changed:
            await self._changed.wait_for(lambda: is_there(self.seconds))


@contextlib.asynccontextmanager
async def watch_arrivals(session: ApiSession, namespace: str) -> AsyncIterator[Arrivals]:
    """Record the batch Jobs of a namespace while inside."""
    arrivals, started = Arrivals(), asyncio.Event()
    task = asyncio.create_task(arrivals.record(session, namespace, started))
    await started.wait()
    try:
        yield arrivals
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def measure_one_by_one(
    session: ApiSession, namespace: str, count: int, follow: Follow
) -> list[float]:
    """Create jobs one after the other; give the milliseconds from created to Job seen."""
    latencies = []
    async with watch_arrivals(session, namespace) as arrivals:
        for index in range(count):
            name = f"one-{index}"
            created = await session.send(
                "POST", JOBS.format(namespace=namespace), build_job(name, namespace)
            )
            begun = time.perf_counter()
            await follow(created)
            await arrivals.wait_for(lambda seen, name=name: f"{name}-1" in seen)  # type: ignore[misc]
            latencies.append(1000 * (arrivals.seconds[f"{name}-1"] - begun))
    return latencies


async def measure_burst(session: ApiSession, namespace: str, count: int, follow: Follow) -> float:
    """Create many jobs at once; give the seconds until every Job was seen."""
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def create(index: int) -> None:
        async with gate:
            job = build_job(f"burst-{index}", namespace)
            await follow(await session.send("POST", JOBS.format(namespace=namespace), job))

    async with watch_arrivals(session, namespace) as arrivals:
        begun = time.perf_counter()
        await asyncio.gather(*(create(index) for index in range(count)))
        await arrivals.wait_for(lambda seen: len(seen) >= count)
        return max(arrivals.seconds.values()) - begun


def percentile(values: list[float], share: float) -> float:
    """Give the value below which `share` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]
