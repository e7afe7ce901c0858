"""What a node knows about its pods and containers, as plain values.

`containers` and `pods` write them, `statuses` turns them into what the API server is told.
"""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Waiting:
    """Not running, and why."""

    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    """Running since."""

    started_at: datetime.datetime


@dataclass(frozen=True, slots=True)
class Terminated:
    """Ended; signals are 128 + N, as containerd reports them."""

    exit_code: int
    reason: str
    message: str
    started_at: datetime.datetime
    finished_at: datetime.datetime
    container_id: str


ContainerState: TypeAlias = Waiting | Running | Terminated


@dataclass(frozen=True, slots=True)
class ContainerRecord:
    """One container."""

    name: str
    image: str
    state: ContainerState
    last_state: Terminated | None = None
    restart_count: int = 0
    container_id: str = ""

    @property
    def has_failed(self) -> bool:
        """Whether it ended, now or the last time, with an error."""
        ended = self.state if isinstance(self.state, Terminated) else self.last_state
        return ended is not None and ended.exit_code != 0


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a pod is brought to its end from outside; its own end has none."""

    reason: str = ""
    message: str = ""
    grace_seconds: float = 30
    fails_pod: bool = False
    is_disruption: bool = False


@dataclass(frozen=True, slots=True)
class PodRecord:
    """One pod."""

    init_containers: tuple[ContainerRecord, ...]
    containers: tuple[ContainerRecord, ...]
    restart_policy: str
    started_at: datetime.datetime
    pod_ip: str
    generation: int = 0
    ending: Ending | None = None
    is_over: bool = False


def build_image_id(image: str) -> str:
    """Make up an image id that stays the same and parses like a true one."""
    repository = image.partition("@")[0]
    if ":" in repository.rpartition("/")[2]:
        repository = repository.rpartition(":")[0]
    digest = hashlib.sha256(image.encode()).hexdigest()
    return f"localhost/process-node/{repository}@sha256:{digest}"
