"""Stops a run whose loss is no longer a number, before a broken model is saved."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from finetune_trainer.callbacks.reporting import read_scores
from finetune_trainer.errors import DivergedError
from finetune_trainer.reporting.instruments import Instruments


@dataclass(frozen=True, slots=True)
class Observation:
    """A value that is not looked at yet.

    Attributes:
        step: the step it belongs to.
        name: what it is.
        value: on the CPU, though perhaps still on its way there.
        arrival: what to wait for; None when it is there.
    """

    step: int
    name: str
    value: torch.Tensor
    arrival: torch.cuda.Event | None = None


class GuardAgainstDivergence(TrainerCallback):
    """Looks at the raw loss and gradient of every step. Fires before the optimizer steps.

    The Trainer's own log would replace NaN by a running mean, so a curve drawn from it looks
    healthy while the weights are gone. On the CPU a value is looked at at once, and the weights are
    still good when the error is raised. On a GPU, looking would wait for the device: the value is
    copied in the background and looked at one step later, in any case before something is saved.
    """

    def __init__(self, instruments: Instruments, *, watch_gradients: bool = True) -> None:
        """Start with nothing to look at.

        Args:
            instruments: counts what was found.
            watch_gradients: False for float16, whose scaler meets infinite gradients on its own.
        """
        self._instruments = instruments
        self._watch_gradients = watch_gradients
        self._pending: list[Observation] = []
        self._step = 0

    def observe_loss(self, loss: torch.Tensor) -> None:
        """Take the loss of a batch, as the model gave it."""
        self._observe("loss", loss)

    def observe_gradient(self, norm: torch.Tensor | float | None) -> None:
        """Take the length of the gradient before clipping."""
        if self._watch_gradients and norm is not None and not isinstance(norm, float):
            self._observe("gradient norm", norm)

    def verify(self) -> None:
        """Look at everything that was taken; called before anything is saved.

        Raises:
            DivergedError: a value was no number.
        """
        self._look(up_to_step=self._step)

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Note which step the next values belong to."""
        self._step = state.global_step + 1

    def on_pre_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Look before the weights are touched."""
        on_device = any(seen.arrival is not None for seen in self._pending)
        self._look(up_to_step=self._step - 1 if on_device else self._step)

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Refuse a model whose validation loss is no number."""
        loss = read_scores(metrics or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            self._raise(state.global_step, "validation loss", loss)

    def _observe(self, name: str, value: torch.Tensor) -> None:
        value = value.detach()
        arrival = None
        if value.is_cuda:
            pinned = torch.empty(value.shape, dtype=value.dtype, pin_memory=True)
            value = pinned.copy_(value, non_blocking=True)
            arrival = torch.cuda.Event()  # type: ignore[no-untyped-call]
            arrival.record()
        self._pending.append(Observation(self._step, name, value, arrival))

    def _look(self, up_to_step: int) -> None:
        due = [seen for seen in self._pending if seen.step <= up_to_step]
        self._pending = [seen for seen in self._pending if seen.step > up_to_step]
        for seen in due:
            if seen.arrival is not None:
                seen.arrival.synchronize()
            number = float(seen.value)
            if not math.isfinite(number):
                self._raise(seen.step, seen.name, number)

    def _raise(self, step: int, name: str, number: float) -> None:
        self._instruments.nonfinite_steps.inc()
        raise DivergedError(
            f"the {name} became {number} at step {step}; nothing was saved since the last good"
            " checkpoint",
            hint="lower training.learningRate or lengthen the warm-up",
        )
