"""SIGTERM and SIGINT become a flag that long work asks for, and then an exception.

A handler that saved by itself would run in the middle of an optimizer step. So the handler only
notes the signal; whoever has reached a point where stopping is clean calls `check`. `run` asks
between phases, `callbacks.preemption` between steps and prediction steps. A second signal ends the
process at once: whoever sends it knows why.
"""

import logging
import os
import signal
import time
from collections.abc import Callable
from types import FrameType

from finetune_api.contract.exit_codes import ExitCode
from finetune_trainer.errors import PreemptedError

logger = logging.getLogger(__name__)
DEFAULT_GRACE_SECONDS = 30.0
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Preemption:
    """Remembers that the process was told to stop.

    Attributes:
        grace_seconds: time between the signal and the kill.
        is_patient: whether a second signal changes nothing. A rank gets Ctrl-C twice, from the
            terminal and from its launcher, and the launcher kills it in time.
    """

    def __init__(
        self,
        grace_seconds: float = DEFAULT_GRACE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.grace_seconds = grace_seconds
        self.is_patient = False
        self._clock = clock
        self._received: signal.Signals | None = None
        self._received_at = 0.0

    def install(self) -> None:
        """Take over SIGTERM and SIGINT; the main thread alone may call it."""
        for number in SIGNALS:
            signal.signal(number, self._handle)

    @property
    def is_requested(self) -> bool:
        """Whether the process was told to stop."""
        return self._received is not None

    def request(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Ask the run to stop at the next clean point."""
        self._received = number
        self._received_at = self._clock()

    def count_seconds_left(self) -> float:
        """Say how long the process may still live; all of the grace while nothing was asked."""
        if self._received is None:
            return self.grace_seconds
        return self.grace_seconds - (self._clock() - self._received_at)

    def check(self) -> None:
        """Leave the present work if the process was told to stop.

        Raises:
            PreemptedError: it was.
        """
        if self._received is not None:
            raise PreemptedError(
                f"stopped by {self._received.name}; the next attempt goes on from the checkpoint"
            )

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._received is not None:
            if self.is_patient:
                return
            os._exit(ExitCode.PREEMPTED)
        self.request(signal.Signals(number))
        logger.warning("%s received: saving and leaving", signal.Signals(number).name)
