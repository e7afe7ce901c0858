"""Ends the refit of a cross-validation where the folds had their best, on average."""

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


class StopAtStep(TrainerCallback):
    """Stops after a number of steps. Fires at `on_step_end`.

    The Trainer's own limit would do, but its schedule would then fall to zero on that shorter way.
    """

    def __init__(self, last_step: int) -> None:
        self._last_step = last_step

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop when the step is reached."""
        if state.global_step >= self._last_step:
            control.should_training_stop = True
