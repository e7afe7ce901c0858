"""The workers: bounded, fair, and unimpressed by errors."""

import asyncio

from prometheus_client import CollectorRegistry

from finetune_operator.cluster.errors import UnavailableError
from finetune_operator.core.records import Key
from finetune_operator.runtime.observers import Observers
from finetune_operator.runtime.queues import KeyedQueue
from finetune_operator.runtime.workers import Reconcile, Workers


async def run(reconcile: Reconcile, keys: list[Key], until: asyncio.Event, limit: int = 2) -> None:
    loop = asyncio.get_running_loop()
    queue = KeyedQueue(loop.time, jitter=lambda: 0.0)
    workers = Workers(queue, reconcile, limit, Observers(CollectorRegistry()))
    for key in keys:
        workers.add(key)
    task = asyncio.create_task(workers.run())
    try:
        await asyncio.wait_for(until.wait(), 5)
    finally:
        task.cancel()


def some_keys(count: int) -> list[Key]:
    return [Key("team", str(number)) for number in range(count)]


async def test_no_more_than_the_limit_run_at_once_and_all_get_their_turn() -> None:
    active, most, done, over = set(), 0, [], asyncio.Event()

    async def reconcile(key: Key) -> None:
        nonlocal most
        active.add(key)
        most = max(most, len(active))
        await asyncio.sleep(0)
        active.discard(key)
        done.append(key)
        if len(done) == 20:
            over.set()

    await run(reconcile, some_keys(20), over)

    assert most == 2
    assert sorted(done) == sorted(some_keys(20))


async def test_an_error_of_one_job_is_tried_again_and_stops_no_other() -> None:
    tried: list[str] = []
    over = asyncio.Event()

    async def reconcile(key: Key) -> None:
        tried.append(key.name)
        if key.name == "0" and tried.count("0") == 1:
            raise UnavailableError("503")
        if tried.count("0") == 2:
            over.set()

    await run(reconcile, some_keys(3), over)

    assert tried == ["0", "1", "2", "0"]


async def test_a_bug_in_one_look_stops_no_other() -> None:
    tried: list[str] = []
    over = asyncio.Event()

    async def reconcile(key: Key) -> None:
        tried.append(key.name)
        if key.name == "0":
            raise ZeroDivisionError
        over.set()

    await run(reconcile, some_keys(2), over)

    assert tried[:2] == ["0", "1"]


async def test_a_look_that_asks_to_be_repeated_is_repeated() -> None:
    times, over = [], asyncio.Event()

    async def reconcile(key: Key) -> float | None:
        times.append(key)
        if len(times) == 2:
            over.set()
            return None
        return 0.01

    await run(reconcile, some_keys(1), over)

    assert len(times) == 2
