"""Keeps what the Trainer has summed up of the loss since its last log, across a restart."""

from typing import Any, Protocol

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from finetune_trainer.distribution.ranks import ALONE, Ranks


class SumsLosses(Protocol):
    """The part of a Trainer that this callback needs."""

    def read_loss_sum(self) -> tuple[torch.Tensor, int]:
        """Give the sum of losses since the last log, and the step of that log."""
        ...

    def write_loss_sum(self, loss_sum: float, last_logged_step: int) -> None:
        """Take both back."""
        ...


class KeepLossSum(TrainerCallback):
    """Lets the learning curve of a restarted run be that of one that was not.

    The Trainer begins its sum at zero after a restart, so that the next logged loss would be a mean
    of fewer steps. The sum goes into the checkpoint and comes back at `on_train_begin`.
    """

    memory_name = "loss_sum"

    def __init__(self, trainer: SumsLosses, ranks: Ranks = ALONE) -> None:
        self._trainer = trainer
        self._ranks = ranks
        self._recalled: dict[str, Any] | None = None
        self._before_step: torch.Tensor | None = None

    def remember(self) -> dict[str, Any]:
        """Keep the sum; of a step that is left half way, what was before it."""
        loss_sum, last_logged_step = self._trainer.read_loss_sum()
        value = loss_sum if self._before_step is None else self._before_step
        # What is logged is the mean of all ranks: each may take it back as its own.
        mean = self._ranks.average(float(value))
        return {"sum": mean, "last_logged_step": last_logged_step}

    def recall(self, memory: dict[str, Any]) -> None:
        """Wait for the beginning of the training: it sets the sum to zero."""
        self._recalled = memory

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Give the sum back."""
        if self._recalled is not None:
            self._trainer.write_loss_sum(self._recalled["sum"], self._recalled["last_logged_step"])
            self._recalled = None

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Note the sum, where a step has parts between which it can be left."""
        if args.gradient_accumulation_steps > 1:
            self._before_step = self._trainer.read_loss_sum()[0].clone()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The step is whole."""
        self._before_step = None
