"""Runs the reconciler on the queue: a bounded number of tasks, and what follows from an error.

The outermost edge of a reconcile: whatever goes wrong for one job ends here, in a log line and a
pause for that job alone.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from finetune_operator.cluster.errors import ClusterError
from finetune_operator.core.records import Key
from finetune_operator.runtime.observers import Observers
from finetune_operator.runtime.queues import KeyedQueue

log = logging.getLogger(__name__)

Reconcile = Callable[[Key], Awaitable[float | None]]


class Workers:
    """Takes keys from a queue and reconciles them, at most `limit` at a time."""

    def __init__(
        self, queue: KeyedQueue, reconcile: Reconcile, limit: int, observers: Observers
    ) -> None:
        self._queue = queue
        self._reconcile = reconcile
        self._limit = limit
        self._observers = observers
        self._nudged = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, key: Key) -> None:
        """Ask for a look at a job."""
        self._queue.add(key)
        self._nudged.set()

    def add_soon(self, key: Key) -> None:
        """Ask for a look that may wait behind new jobs: one of their children changed."""
        self._queue.add_after(key, 0)
        self._nudged.set()

    async def run(self) -> None:
        """Work until cancelled; what is being done is then cancelled too: nothing is half."""
        try:
            while True:
                self._start_what_is_due()
                await self._wait()
        finally:
            for task in self._tasks:
                task.cancel()

    def _start_what_is_due(self) -> None:
        self._nudged.clear()
        while self._queue.active < self._limit and (taken := self._queue.take()) is not None:
            key, waited_seconds = taken
            self._observers.queue_wait(waited_seconds)
            task = asyncio.create_task(self._work(key))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _wait(self) -> None:
        pause = self._queue.seconds_to_next()
        if pause is not None and self._queue.active >= self._limit:
            pause = None  # a worker that gets free nudges
        try:
            await asyncio.wait_for(self._nudged.wait(), pause)
        except TimeoutError:
            return

    async def _work(self, key: Key) -> None:
        began_at = asyncio.get_running_loop().time()
        result = "success"
        try:
            recheck_seconds = await self._reconcile(key)
        except ClusterError as error:
            result = type(error).__name__
            pause = self._queue.retry(key, error.retry_after_seconds)
            log.warning("%s: %s: %s; again in %.1f s", key, result, error, pause)
        except Exception:  # a bug must not take the other jobs down with it
            result = "bug"
            pause = self._queue.retry(key)
            log.exception("%s: cannot be reconciled; again in %.1f s", key, pause)
        else:
            self._queue.forget(key)
            if recheck_seconds is not None:
                self._queue.add_after(key, recheck_seconds)
        finally:
            self._queue.done(key)
            self._nudged.set()
        self._observers.reconciled(result, asyncio.get_running_loop().time() - began_at)
