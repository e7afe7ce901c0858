"""What a contestant is told, and what it answers: the line between the parent and its processes.

Standard library only: what a process imports before it has its order would count for everybody.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Recipe:
    """What to train; the same for every contestant of a workload.

    Attributes:
        task: as in spec.task.
        epochs: passes over the training rows.
        batch_size: rows per step.
        learning_rate: at its peak.
        uses_lora: whether an adapter is trained instead of the model.
        max_steps: ends the training early; 0: at the end of the epochs. Nothing is tested then.
    """

    task: str
    epochs: int
    batch_size: int
    learning_rate: float
    uses_lora: bool = False
    max_steps: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """One run of one contestant.

    Attributes:
        folder: model/ and the files train, validation and test.
        output: an empty folder to write to.
        seed: of everything.
        recipe: what to train.
    """

    folder: Path
    output: Path
    seed: int
    recipe: Recipe

    def to_json(self) -> str:
        """Write it down."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> "Order":
        """Read it."""
        content = json.loads(text)
        recipe = Recipe(**content["recipe"])
        return cls(Path(content["folder"]), Path(content["output"]), content["seed"], recipe)


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a contestant has to say.

    Attributes:
        first_step_at: the beginning of its first step, on the monotonic clock of the machine.
        samples_per_second: over the steps after the first, without evaluations and checkpoints.
        steps: in all.
        score: accuracy on the test rows; their mean loss where words are predicted.
        tested_rows: what the score is a mean of.
    """

    first_step_at: float
    samples_per_second: float | None = None
    steps: int = 0
    score: float | None = None
    tested_rows: int = 0

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Measurement":
        """Read what a process has printed."""
        return cls(**content)


class StepClock:
    """Adds up the time of the steps after the first, which pays for allocations and warm caches."""

    def __init__(self, batch_size: int) -> None:
        self.first_step_at = 0.0
        self.steps = 0
        self._batch_size = batch_size
        self._seconds = 0.0

    def count(self, now: float, seconds: float) -> None:
        """Take note of a step.

        Args:
            now: on the monotonic clock.
            seconds: what it took.
        """
        self.steps += 1
        if self.steps == 1:
            self.first_step_at = now - seconds
        else:
            self._seconds += seconds

    def measure(self, score: float | None, tested_rows: int) -> Measurement:
        """Sum up."""
        speed = (self.steps - 1) * self._batch_size / self._seconds if self._seconds else None
        return Measurement(self.first_step_at, speed, self.steps, score, tested_rows)
