import pytest
import torch
from transformers import TrainerControl, TrainerState, TrainingArguments

from finetune_trainer.callbacks.divergence import GuardAgainstDivergence
from finetune_trainer.errors import DivergedError
from finetune_trainer.reporting.board import Board
from finetune_trainer.reporting.instruments import Instruments

NAN, INF = float("nan"), float("inf")


@pytest.fixture
def arguments(tmp_path: object) -> TrainingArguments:
    return TrainingArguments(str(tmp_path), use_cpu=True)


class AStep:
    """One step of a Trainer, as a callback sees it."""

    def __init__(self, arguments: TrainingArguments, *, watch_gradients: bool = True) -> None:
        self.instruments = Instruments(Board("uid", 1))
        self.guard = GuardAgainstDivergence(self.instruments, watch_gradients=watch_gradients)
        self.rest = (arguments, TrainerState(global_step=6), TrainerControl())

    def take(self, loss: float, gradient: float = 1.0) -> None:
        self.guard.on_step_begin(*self.rest)
        self.guard.observe_loss(torch.tensor(loss))
        self.guard.observe_gradient(torch.tensor(gradient))
        self.guard.on_pre_optimizer_step(*self.rest)


def test_finite_values_pass(arguments: TrainingArguments) -> None:
    step = AStep(arguments)

    step.take(0.7)
    step.guard.verify()


@pytest.mark.parametrize(
    ("loss", "gradient", "what"),
    [
        pytest.param(NAN, 1.0, "loss became nan at step 7", id="a loss that is no number"),
        pytest.param(INF, 1.0, "loss became inf at step 7", id="an infinite loss"),
        pytest.param(0.5, NAN, "gradient norm became nan at step 7", id="a gradient"),
    ],
)
def test_what_is_no_number_stops_the_run_before_the_weights_are_touched(
    arguments: TrainingArguments, loss: float, gradient: float, what: str
) -> None:
    step = AStep(arguments)

    with pytest.raises(DivergedError, match=what):
        step.take(loss, gradient)

    rendered = step.instruments.render()
    assert b"finetune_trainer_nonfinite_steps_total 1.0" in rendered


def test_a_loss_in_the_middle_of_a_step_is_looked_at_before_a_save(
    arguments: TrainingArguments,
) -> None:
    step = AStep(arguments)
    step.guard.on_step_begin(*step.rest)
    step.guard.observe_loss(torch.tensor(NAN))

    with pytest.raises(DivergedError):
        step.guard.verify()


def test_the_scaler_of_float16_may_meet_infinite_gradients(arguments: TrainingArguments) -> None:
    AStep(arguments, watch_gradients=False).take(0.5, INF)


def test_a_model_whose_validation_loss_is_no_number_is_refused(
    arguments: TrainingArguments,
) -> None:
    step = AStep(arguments)

    with pytest.raises(DivergedError, match="validation loss became nan at step 6"):
        step.guard.on_evaluate(*step.rest, metrics={"eval_loss": NAN})
