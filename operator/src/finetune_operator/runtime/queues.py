"""The keyed queue: which job is looked at next, and when.

A key is never in two workers at once, waits once however often it is added, and what is new goes
before what is tried again. Failures back off per key, with jitter, so that a broken job never makes
a good one wait. Pure bookkeeping on an injected clock; `workers` gives it time and tasks.
"""

import heapq
import random
from collections import OrderedDict
from collections.abc import Callable

from finetune_operator.core.records import Key
from finetune_operator.runtime.ports import Clock

FIRST_BACKOFF_SECONDS = 0.2
MAX_BACKOFF_SECONDS = 60.0
FRESH_IN_A_ROW = 4
"""So many new keys go before one of the others: thousands of new jobs must not stop the old."""


class KeyedQueue:
    """Keys to work on, each with the time it was asked for."""

    def __init__(self, clock: Clock, jitter: Callable[[], float] = random.random) -> None:
        self._clock = clock
        self._jitter = jitter
        self._fresh: OrderedDict[Key, float] = OrderedDict()
        self._again: OrderedDict[Key, float] = OrderedDict()
        self._active: set[Key] = set()
        self._dirty: set[Key] = set()
        self._heap: list[tuple[float, Key]] = []
        self._due: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._taken_fresh = 0

    def add(self, key: Key) -> None:
        """Ask for a look at once; while one is going on, for another one after it."""
        if key in self._active:
            self._dirty.add(key)
        elif key not in self._fresh:
            self._fresh[key] = self._again.pop(key, self._clock())

    def add_after(self, key: Key, seconds: float) -> None:
        """Ask for a look in some time; an earlier one that was asked for stays."""
        due = self._clock() + max(0.0, seconds)
        if due < self._due.get(key, float("inf")):
            self._due[key] = due
            heapq.heappush(self._heap, (due, key))

    def retry(self, key: Key, at_least_seconds: float | None = None) -> float:
        """Ask for another try after a failure; give the pause in seconds.

        Half of the pause is jitter: five hundred jobs must not come back in the same second.
        """
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        longest = min(MAX_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2.0 ** (failures - 1))
        pause = longest * (0.5 + 0.5 * self._jitter())
        pause = max(pause, at_least_seconds or 0.0)
        self.add_after(key, pause)
        return pause

    def forget(self, key: Key) -> None:
        """Note a success: the next failure starts from the shortest pause."""
        self._failures.pop(key, None)

    def take(self) -> tuple[Key, float] | None:
        """Take the next key, with the seconds it waited; None when nothing is due."""
        now = self._clock()
        self._ripen(now)
        is_turn_of_the_others = self._taken_fresh >= FRESH_IN_A_ROW and bool(self._again)
        if self._fresh and not is_turn_of_the_others:
            self._taken_fresh += 1
            key, since = self._fresh.popitem(last=False)
        elif self._again:
            self._taken_fresh = 0
            key, since = self._again.popitem(last=False)
        else:
            return None
        self._active.add(key)
        return key, now - since

    def done(self, key: Key) -> None:
        """Give a key back after work; it comes again if it was asked for meanwhile."""
        self._active.discard(key)
        if key in self._dirty:
            self._dirty.discard(key)
            self.add(key)

    def seconds_to_next(self) -> float | None:
        """Say when something is due by time alone; None when nothing is."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return max(0.0, self._heap[0][0] - self._clock()) if self._heap else None

    def _ripen(self, now: float) -> None:
        """Move what is due by now into the line of those tried again."""
        while self._heap and self._heap[0][0] <= now:
            due, key = heapq.heappop(self._heap)
            if self._due.get(key) != due:
                continue  # superseded by an earlier one
            del self._due[key]
            if key in self._active:
                self._dirty.add(key)
            elif key not in self._fresh:
                self._again.setdefault(key, due)

    @property
    def depth(self) -> int:
        """How many keys wait to be taken now."""
        return len(self._fresh) + len(self._again)

    @property
    def active(self) -> int:
        """How many keys are being worked on."""
        return len(self._active)

    @property
    def oldest_seconds(self) -> float:
        """How long the key at the head has been waiting."""
        heads = [next(iter(w.values())) for w in (self._fresh, self._again) if w]
        return max(0.0, self._clock() - min(heads)) if heads else 0.0
