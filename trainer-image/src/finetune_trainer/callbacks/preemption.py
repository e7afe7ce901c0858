"""Leaves the training at the next clean point once the process was told to stop."""

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from finetune_trainer.distribution.ranks import ALONE, Ranks
from finetune_trainer.errors import PreemptedError
from finetune_trainer.preemption import Preemption


@dataclass(frozen=True, slots=True)
class RandomState:
    """Where the random generators are."""

    python: Any
    numpy: Any
    cpu: torch.Tensor
    cuda: torch.Tensor | None

    @classmethod
    def take(cls) -> "RandomState":
        """Note where they are."""
        cuda = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
        return cls(random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda)

    def put_back(self) -> None:
        """Take them back there."""
        random.setstate(self.python)
        np.random.set_state(self.numpy)
        torch.set_rng_state(self.cpu)
        if self.cuda is not None:
            torch.cuda.set_rng_state(self.cuda)


class LeaveWhenPreempted(TrainerCallback):
    """Asks the flag after each step, each part of a step and each batch of an evaluation.

    Raises PreemptedError; `training.attempts` catches it outside the loop, saves, and lets it go on
    to an exit code that is no success. The Trainer's own way returns normally, which a script takes
    for the end of the training.
    """

    def __init__(self, preemption: Preemption, ranks: Ranks = ALONE) -> None:
        self._preemption = preemption
        self._ranks = ranks
        self._before_step: RandomState | None = None

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Note the random numbers, where a step has parts between which it can be left."""
        if args.gradient_accumulation_steps > 1:
            self._before_step = RandomState.take()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Ask after an optimizer step."""
        self._check_together()

    def on_substep_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Ask between the batches of one step, which may take minutes.

        The step is done again from its beginning, so the checkpoint gets the numbers from there.
        """
        try:
            self._check_together()
        except PreemptedError:
            if self._before_step is not None:
                self._before_step.put_back()
            raise

    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Ask between the batches of an evaluation."""
        self._check_together()

    def _check_together(self) -> None:
        """Leave at the same step as the other ranks, whom the signal reaches at other times."""
        if self._ranks.agree(self._preemption.is_requested) and not self._preemption.is_requested:
            self._preemption.request()
        self._preemption.check()
