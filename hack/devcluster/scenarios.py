"""What a scripted node can be told: steps a pod takes, and ready-made scenarios.

A scenario is an async generator function that gets the pod and may wait for whatever it likes
between two steps:

    async def run_out_of_memory(pod):
        yield run()
        yield finish(137, reason="OOMKilled")
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TypeAlias

from devcluster.api import Object
from devcluster.process_node.records import ContainerState, Ending, Running, Terminated, Waiting
from devcluster.timestamps import read_now


@dataclass(frozen=True, slots=True)
class Step:
    """What a pod becomes: the state of all its containers, and why if it was made to end."""

    state: ContainerState
    ending: Ending | None = None


Scenario: TypeAlias = Callable[[Object], AsyncIterator[Step]]


def run() -> Step:
    """The containers run."""
    return Step(Running(read_now()))


def hold(reason: str, message: str = "") -> Step:
    """The containers wait."""
    return Step(Waiting(reason, message))


def finish(
    exit_code: int = 0, *, reason: str = "", message: str = "", ending: Ending | None = None
) -> Step:
    """The containers have ended; `ending` adds a reason of the pod, such as Evicted."""
    now = read_now()
    reason = reason or ("Error" if exit_code else "Completed")
    return Step(Terminated(exit_code, reason, message, now, now, "scripted://1"), ending)


async def succeed(_: Object) -> AsyncIterator[Step]:
    """Run and succeed, at once: the scenario of a node that is given none."""
    yield run()
    yield finish()
