"""What a process has to know of those that train beside it, and how they agree.

Every rank runs the same code on the same job. What touches a volume or the world outside is done by
the leader, which has rank 0; a decision that a clock or a signal could let two ranks take
differently is taken once for all. Where there is one process, all of this costs nothing: `ALONE`.
`groups` speaks to real peers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Seat:
    """The place of this process among all.

    Attributes:
        rank: among all processes; 0 leads.
        local_rank: among those of this pod.
        count: of all processes.
        local_count: of those of this pod.
    """

    rank: int = 0
    local_rank: int = 0
    count: int = 1
    local_count: int = 1

    @property
    def is_leader(self) -> bool:
        """Whether this process writes, publishes and reports."""
        return self.rank == 0


SINGLE = Seat()


def read_seat(variables: Mapping[str, str]) -> Seat:
    """Read what torchrun tells each process of its place."""
    if "RANK" not in variables or "LOCAL_RANK" not in variables:
        return SINGLE
    return Seat(
        rank=int(variables["RANK"]),
        local_rank=int(variables["LOCAL_RANK"]),
        count=int(variables["WORLD_SIZE"]),
        local_count=int(variables["LOCAL_WORLD_SIZE"]),
    )


class Ranks(Protocol):
    """The processes of one training. What every method does, all ranks must do in turn."""

    @property
    def seat(self) -> Seat:
        """The place of this process."""
        ...

    def lead(self, work: Callable[[], T]) -> T:
        """Let the leader work, and give every rank what came of it, or the same error."""
        ...

    def take_turns(self, work: Callable[[], T]) -> T:
        """Let one process of each pod work first, such as on a download the others then find."""
        ...

    def agree(self, flag: bool) -> bool:
        """Tell whether any rank said yes."""
        ...

    def average(self, value: float) -> float:
        """Give the mean of what all ranks have."""
        ...

    def wait(self) -> None:
        """Go on when all ranks have come this far."""
        ...


class Alone:
    """One process, which agrees with itself."""

    seat = SINGLE

    def lead(self, work: Callable[[], T]) -> T:
        """Work."""
        return work()

    def take_turns(self, work: Callable[[], T]) -> T:
        """Work."""
        return work()

    def agree(self, flag: bool) -> bool:
        """Give the flag."""
        return flag

    def average(self, value: float) -> float:
        """Give the value."""
        return value

    def wait(self) -> None:
        """Go on."""


ALONE: Ranks = Alone()
