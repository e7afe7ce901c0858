"""SIGTERM and SIGINT become a flag that long work asks for, and then an exception.

A handler that saved by itself would run in the middle of an optimizer step. So the handler only
notes the signal; whoever has reached a point where stopping is clean calls `check`. `run` asks
between phases, `callbacks.preemption` between steps and prediction steps. A second signal ends the
process at once: whoever sends it knows why.
"""

import logging
import os
import signal
from types import FrameType

from finetune_api.contract.exit_codes import ExitCode
from finetune_trainer.errors import PreemptedError

logger = logging.getLogger(__name__)
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Preemption:
    """Remembers that the process was told to stop."""

    def __init__(self) -> None:
        self._received: signal.Signals | None = None

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
            os._exit(ExitCode.PREEMPTED)
        self.request(signal.Signals(number))
        logger.warning("%s received: saving and leaving", signal.Signals(number).name)
