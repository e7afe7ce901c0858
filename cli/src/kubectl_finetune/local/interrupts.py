"""Counts how often the user asked to stop, instead of breaking off where we happen to be.

`followers.follow` looks at the count between two reports and decides what the trainer hears.
"""

import signal
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """The requests to stop that came while it was entered.

    Attributes:
        count: how many came.
        exit_code: what a command that was stopped this way ends with; 130 after Ctrl-C.
    """

    def __init__(self) -> None:
        self.count = 0
        self.exit_code = 128 + signal.SIGINT
        self._earlier: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Interrupts":
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup asked to be left alone
                self._earlier[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.count += 1
        self.exit_code = 128 + number
