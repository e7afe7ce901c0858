"""What callbacks know between attempts: a small JSON file in each checkpoint.

The Trainer has a way of its own, which builds every callback anew from its saved arguments; ours
hold connections to the rest of the run, so they only take their state back.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

FILE_NAME = "callbacks.json"


@runtime_checkable
class Remembering(Protocol):
    """A callback with a state that must survive a restart."""

    memory_name: str

    def remember(self) -> dict[str, Any]:
        """Give the state, as JSON can hold it."""
        ...

    def recall(self, memory: dict[str, Any]) -> None:
        """Take a state back."""
        ...


def collect_memory(callbacks: Iterable[object]) -> dict[str, Any]:
    """Ask the callbacks what they know; all ranks do, since some ask their peers."""
    return {c.memory_name: c.remember() for c in callbacks if isinstance(c, Remembering)}


def write_memory(folder: Path, memory: dict[str, Any]) -> None:
    """Save what the callbacks know."""
    (folder / FILE_NAME).write_text(json.dumps(memory, sort_keys=True))


def restore_memory(folder: Path, callbacks: Iterable[object]) -> None:
    """Give the callbacks what they knew; one that is new to the checkpoint starts afresh."""
    content = json.loads((folder / FILE_NAME).read_text())
    for callback in callbacks:
        if isinstance(callback, Remembering) and callback.memory_name in content:
            callback.recall(content[callback.memory_name])
