"""What trackers are told, and what a tracker is.

`trackings` makes the records, `senders` carries them, one module for each tracker writes them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Ended = Literal["Succeeded", "Failed", "Interrupted"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a run is about.

    Attributes:
        name: of the run: the name of the job.
        uid: of the job; the same over all its attempts.
        experiment: of the runs that belong together, where the job names none.
        parameters: the hyper-parameters, by their paths under spec.
        tags: whose run it is, and from what it was made.
    """

    name: str
    uid: str
    experiment: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Start:
    """A training begins or goes on.

    Attributes:
        stage: such as fold-1; empty for the training that gives the model.
        step: the steps that an earlier attempt has done and kept.
    """

    stage: str
    step: int


@dataclass(frozen=True, slots=True)
class Point:
    """Numbers of one moment.

    Attributes:
        stage: of the training that they belong to.
        step: the optimizer steps done.
        values: by name; all finite.
        seconds: Unix time. Told twice, a point is still the same one.
    """

    stage: str
    step: int
    values: Mapping[str, float]
    seconds: float


@dataclass(frozen=True, slots=True)
class Ending:
    """The attempt ends.

    Attributes:
        ended: how. What was interrupted goes on in another attempt.
        files: small ones to keep with the run, such as the model card.
    """

    ended: Ended
    files: tuple[Path, ...] = ()


Record = Start | Point | Ending


class TrackingError(Exception):
    """A tracker could not be told something; never a reason to fail.

    Attributes:
        hint: what to do about it.
        is_final: whether trying again is in vain.
    """

    def __init__(self, message: str, hint: str = "", *, is_final: bool = False) -> None:
        super().__init__(message)
        self.hint = hint
        self.is_final = is_final


class Tracker(Protocol):
    """Writes records somewhere. Each call may wait, and may be repeated after it has failed.

    Raises:
        TrackingError: it did not work.
    """

    def begin(self, start: Start) -> None:
        """Begin a training, or go on with it."""
        ...

    def write(self, points: Sequence[Point]) -> None:
        """Add numbers."""
        ...

    def end(self, ending: Ending) -> None:
        """Say how it ended."""
        ...
