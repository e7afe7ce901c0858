"""Ends a process that hangs: a frozen volume or a lost peer must not hold a GPU until the deadline.

`__main__` starts the watch; it ends the process from a thread of its own, since the main thread is
the one that hangs. Signs of life come through the board: a step, an evaluated batch, another phase.
Phases without steps (loading, tokenizing, writing) and the time before a phase's first step (a
model that is compiled) are judged by whether the process does anything: a download, a hash or a
compiler uses the CPU or moves bytes, a hang does not. After the first step that is no longer
enough, for a process that waits for a GPU or a peer in vain may well spin.
"""

import faulthandler
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from finetune_trainer.errors import StalledError
from finetune_trainer.reporting.board import Board, Sign

logger = logging.getLogger(__name__)
STANDARD_ERROR = 2
LOOKS_PER_LIMIT = 20
LONGEST_LOOK_SECONDS = 10.0
CPU_SHARE_OF_WORK = 0.05
BYTES_PER_SECOND_OF_WORK = 2**16
"""Both are more than the threads of the report server use up."""
IO_FILE = Path("/proc/self/io")
_COUNTED = ("rchar", "wchar")


@dataclass(frozen=True, slots=True)
class Work:
    """What the process has done since it began.

    Attributes:
        cpu_seconds: of all threads.
        bytes: read and written, files and pipes.
    """

    cpu_seconds: float = 0.0
    bytes: int = 0

    def has_grown(self, before: "Work", elapsed_seconds: float) -> bool:
        """Tell whether something worth the name was done since."""
        return (
            self.cpu_seconds - before.cpu_seconds >= CPU_SHARE_OF_WORK * elapsed_seconds
            or self.bytes - before.bytes >= BYTES_PER_SECOND_OF_WORK * elapsed_seconds
        )


@dataclass(frozen=True, slots=True)
class Idleness:
    """For how long there was no sign of life.

    Attributes:
        sign: what the board showed at the last look.
        work: what had been done by then.
        seconds: since the last sign of life.
    """

    sign: Sign
    work: Work
    seconds: float = 0.0

    def look(self, sign: Sign, work: Work, elapsed_seconds: float) -> "Idleness":
        """Take one look."""
        shows_life = sign.count != self.sign.count
        works = not sign.is_stepping and work.has_grown(self.work, elapsed_seconds)
        return Idleness(sign, work, 0.0 if shows_life or works else self.seconds + elapsed_seconds)


class StallWatch:
    """Looks at the signs of life now and then, from a thread of its own."""

    def __init__(
        self,
        board: Board,
        limit_seconds: float,
        end: Callable[[StalledError], None],
        measure_work: Callable[[], Work] | None = None,
    ) -> None:
        """Prepare the watch; 0 seconds is no watch.

        Args:
            board: shows the signs of life.
            limit_seconds: spec.stallTimeoutSeconds.
            end: ends the process; called once at most, not from the main thread.
            measure_work: what the process has done; another one for tests.
        """
        self._board = board
        self._limit_seconds = limit_seconds
        self._end = end
        self._measure_work = measure_work or measure_own_work
        self._look_seconds = min(limit_seconds / LOOKS_PER_LIMIT, LONGEST_LOOK_SECONDS)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="stall-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        if self._limit_seconds > 0:
            self._thread.start()

    def close(self) -> None:
        """End the watch."""
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join()
        faulthandler.cancel_dump_traceback_later()

    def _watch(self) -> None:
        idleness = Idleness(self._board.read_sign(), self._measure_work())
        looked_at = time.monotonic()
        while not self._is_over.wait(self._look_seconds):
            # Native code that keeps Python's lock stops this thread too; this timer needs no lock.
            # It ends the process with 1, which the operator retries as well.
            faulthandler.dump_traceback_later(
                2 * self._limit_seconds, exit=True, file=STANDARD_ERROR
            )
            now = time.monotonic()
            # A process that was frozen as a whole has not been idle in that time.
            elapsed = min(now - looked_at, 2 * self._look_seconds)
            looked_at = now
            idleness = idleness.look(self._board.read_sign(), self._measure_work(), elapsed)
            if idleness.seconds >= self._limit_seconds:
                faulthandler.dump_traceback(file=STANDARD_ERROR, all_threads=True)
                self._end(describe_stall(idleness, self._limit_seconds))
                return


def describe_stall(idleness: Idleness, limit_seconds: float) -> StalledError:
    """Say where a process hangs."""
    sign = idleness.sign
    what = "no step" if sign.is_stepping else "no step, no CPU time and no reading or writing"
    return StalledError(
        f"no sign of life for {limit_seconds:g} s in phase {sign.phase}: {what}",
        hint="the log of the pod shows where each thread stood; if a step may take so long, raise"
        " stallTimeoutSeconds",
    )


def measure_own_work(io_file: Path = IO_FILE) -> Work:
    """Ask the operating system what this process has done."""
    try:
        lines = io_file.read_text().splitlines()
    except OSError:  # not every sandbox shows it; CPU time is enough for most
        return Work(time.process_time())
    counts = dict(line.split(": ") for line in lines)
    return Work(time.process_time(), sum(int(counts.get(name, 0)) for name in _COUNTED))
