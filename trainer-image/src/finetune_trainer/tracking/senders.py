"""Carries records to a tracker in a thread of its own, so that no tracker can hold a training up.

The training puts records down and goes on. A tracker that is down is tried again, ever more seldom;
what waits for it is bounded, and what finds no place is counted and lost. `trackings` has one
sender for each tracker.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

from finetune_trainer.tracking.records import (
    Ending,
    Point,
    Record,
    Start,
    Tracker,
    TrackingError,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient a sender is.

    Attributes:
        first_pause_seconds: after a failure; it doubles with each further one.
        longest_pause_seconds: and grows no longer than this.
        most_waiting: points that may wait for a tracker that is down.
        most_at_once: points that are written in one call.
        most_remembered: points that a checkpoint keeps, for the next attempt to send.
    """

    first_pause_seconds: float = 2.0
    longest_pause_seconds: float = 60.0
    most_waiting: int = 10_000
    most_at_once: int = 200
    most_remembered: int = 1000


class Sender:
    """Has records for one tracker, and a thread that brings them there.

    Attributes:
        name: of the tracker, for people.
        problem: the first thing that went wrong, with its fix; None while nothing did.
        lost: points that the tracker will never get.
    """

    def __init__(
        self,
        name: str,
        open_tracker: Callable[[], Tracker],
        count_lost: Callable[[int], object] = lambda count: None,
        pace: Pace | None = None,
        *,
        remembers: bool = False,
    ) -> None:
        """Take the way to the tracker; it is gone with the first record, in the thread.

        Args:
            name: of the tracker, for people.
            open_tracker: may take seconds, such as to import a library.
            count_lost: is told of points that are lost.
            pace: how patient to be.
            remembers: whether a checkpoint keeps what waits; the tracker may get it twice then.
        """
        self.name = name
        self.problem: str | None = None
        self.lost = 0
        self._open = open_tracker
        self._count_lost = count_lost
        self._pace = pace or Pace()
        self._remembers = remembers
        self._waiting: deque[Record] = deque()
        self._changed = threading.Condition()
        self._failures = 0
        self._is_closing = self._is_last_try = self._has_given_up = False
        # A daemon: what hangs in a library must not keep the process from its end.
        self._thread = threading.Thread(target=self._run, name=f"tracking-{name}", daemon=True)

    def put(self, record: Record) -> None:
        """Take a record to be sent; never waits."""
        with self._changed:
            is_full = isinstance(record, Point) and len(self._waiting) >= self._pace.most_waiting
            if self._has_given_up or is_full:
                self._lose(1 if isinstance(record, Point) else 0)
                return
            self._waiting.append(record)
            self._changed.notify_all()
            if self._thread.ident is None:
                self._thread.start()

    def settle(self, seconds: float) -> None:
        """Wait until all is sent, but no longer, and not for a tracker that does not work."""
        with self._changed:
            self._changed.wait_for(
                lambda: not self._waiting or self._failures > 0 or self._has_given_up, seconds
            )

    def list_waiting(self) -> list[Point]:
        """Give what a checkpoint shall keep for the tracker, the latest where it is much."""
        if not self._remembers:
            return []
        with self._changed:
            points = [record for record in self._waiting if isinstance(record, Point)]
        return points[-self._pace.most_remembered :]

    def close(self, ending: Ending, seconds: float) -> None:
        """Send the ending after all else, and wait for it, but no longer.

        A process that is about to be killed waits for no tracker that does not work, and opens
        none to say that nothing has begun.
        """
        if ending.ended == "Interrupted":
            if self._thread.ident is None:
                return
            seconds = 0.0 if self._failures else seconds
        self.put(ending)
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(max(0.0, seconds))
        with self._changed:
            self._give_up()
        if self.lost:
            logger.warning("%s did not get %d points of the training", self.name, self.lost)

    def _run(self) -> None:
        tracker: Tracker | None = None
        while records := self._await_records():
            try:
                tracker = tracker or self._open()
                _deliver(records, tracker)
            except Exception as error:  # the edge of the thread: a tracker never fails a training
                if not self._go_on_after(error):
                    return
            else:
                self._forget(len(records))
                if isinstance(records[-1], Ending):
                    return

    def _await_records(self) -> Sequence[Record]:
        """Give what can be sent in one call, as soon as there is something; it stays in line."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._has_given_up)
            if self._has_given_up:
                return ()
            first, most = self._waiting[0], self._pace.most_at_once
            if not isinstance(first, Point):
                return (first,)
            return tuple(islice(takewhile(lambda r: isinstance(r, Point), self._waiting), most))

    def _forget(self, count: int) -> None:
        with self._changed:
            self._failures = 0
            for _ in range(min(count, len(self._waiting))):
                self._waiting.popleft()
            self._changed.notify_all()

    def _go_on_after(self, error: Exception) -> bool:
        """Note what went wrong, and wait for a better moment; False when there is none."""
        known = error if isinstance(error, TrackingError) else TrackingError(type(error).__name__)
        self._tell(known, None if known is error else error)
        with self._changed:
            self._failures += 1
            if known.is_final or self._is_last_try:
                self._give_up()
                return False
            pause = self._pace.first_pause_seconds * 2 ** min(self._failures - 1, 16)
            pause = min(pause, self._pace.longest_pause_seconds)
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_closing or self._has_given_up, pause)
            # The training is over: one more try, then it is left.
            self._is_last_try = self._is_closing
            return not self._has_given_up

    def _tell(self, error: TrackingError, unknown: Exception | None) -> None:
        """Say it once: an hour without a tracker is no reason for a log full of it."""
        if self.problem is not None:
            logger.debug("%s again: %s", self.name, error)
            return
        self.problem = f"{self.name}: {error}; the training goes on without it"
        if error.hint:
            self.problem += f". {error.hint}"
        logger.warning("%s", self.problem, exc_info=unknown)

    def _give_up(self) -> None:
        self._has_given_up = True
        self._lose(sum(isinstance(record, Point) for record in self._waiting))
        self._waiting.clear()
        self._changed.notify_all()

    def _lose(self, count: int) -> None:
        if count:
            self.lost += count
            self._count_lost(count)


def _deliver(records: Sequence[Record], tracker: Tracker) -> None:
    first = records[0]
    if isinstance(first, Start):
        tracker.begin(first)
    elif isinstance(first, Ending):
        tracker.end(first)
    else:
        tracker.write([record for record in records if isinstance(record, Point)])


def make_point(stage: str, step: int, values: dict[str, float]) -> Point:
    """Give the numbers of this moment."""
    return Point(stage, step, values, time.time())
