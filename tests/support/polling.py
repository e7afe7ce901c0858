"""Waits for what becomes true by itself, with a deadline instead of a fixed sleep."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")
_PAUSE_SECONDS = 0.05


def poll(look: Callable[[], Value | None], what: str, seconds: float = 30.0) -> Value:
    """Look until something is seen, and give it.

    Args:
        look: gives None or something false while it is not there; AssertionError counts as that.
        what: what is waited for, for the message.
        seconds: how long to wait.

    Raises:
        AssertionError: it was not seen in time.
    """
    deadline = time.monotonic() + seconds
    reason = ""
    while time.monotonic() < deadline:
        try:
            if found := look():
                return found
        except AssertionError as error:
            reason = f": {error}"
        time.sleep(_PAUSE_SECONDS)
    raise AssertionError(f"not within {seconds} s: {what}{reason}")
