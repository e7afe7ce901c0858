"""Whether the operator does its work: answers from facts, never from "the process is up".

/readyz: the first lists are in. /healthz: the loop turns, the sweep comes round, and the watch
tells what the sweep finds. A kubelet that asks restarts a zombie; nobody else could tell it from a
quiet cluster.
"""

import asyncio
from dataclasses import dataclass

from finetune_operator.core.settings import Settings
from finetune_operator.runtime.ports import Clock
from finetune_operator.runtime.sweep import Sweep

MAX_LAG_SECONDS = 5.0
LAG_PROBE_SECONDS = 0.5
MAX_SWEEPS_LATE = 3.0
MAX_MISSED_SWEEPS = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer to a probe."""

    is_good: bool
    text: str


class Health:
    """Judges the running operator."""

    def __init__(self, sweep: Sweep, settings: Settings, clock: Clock) -> None:
        self._sweep = sweep
        self._settings = settings
        self._clock = clock
        self._started_at = clock()
        self.lag_seconds = 0.0

    async def run(self) -> None:
        """Measure how late the loop is, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_PROBE_SECONDS
            await asyncio.sleep(LAG_PROBE_SECONDS)
            self.lag_seconds = max(0.0, loop.time() - due)

    @property
    def sweep_age_seconds(self) -> float:
        """Seconds since a sweep, or the start, went through."""
        return self._clock() - (self._sweep.finished_at or self._started_at)

    def judge_readiness(self) -> Verdict:
        """Say whether everything that exists is known."""
        if not self._sweep.finished_at:
            return Verdict(False, "the first lists are not in")
        return Verdict(True, "ok")

    def judge_liveness(self) -> Verdict:
        """Say whether changes are seen and worked on."""
        oldest = MAX_SWEEPS_LATE * self._settings.sweep_seconds + 60
        if self.sweep_age_seconds > oldest:
            return Verdict(False, f"no sweep for {self.sweep_age_seconds:.0f} s")
        if self._sweep.missed_in_a_row >= MAX_MISSED_SWEEPS:
            return Verdict(False, "the watch does not tell what the sweep finds")
        if self.lag_seconds > MAX_LAG_SECONDS:
            return Verdict(False, f"the loop is {self.lag_seconds:.1f} s late")
        return Verdict(True, "ok")
