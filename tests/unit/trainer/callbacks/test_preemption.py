import random
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import TrainerControl, TrainerState, TrainingArguments

from finetune_trainer.callbacks.preemption import LeaveWhenPreempted
from finetune_trainer.errors import PreemptedError
from finetune_trainer.preemption import Preemption

POINTS = ["on_step_end", "on_substep_end", "on_prediction_step"]


@pytest.mark.parametrize("point", POINTS)
def test_the_training_is_left_at_every_clean_point(tmp_path: Path, point: str) -> None:
    preemption = Preemption()
    leave = getattr(LeaveWhenPreempted(preemption), point)
    rest = (TrainingArguments(str(tmp_path), use_cpu=True), TrainerState(), TrainerControl())

    leave(*rest)
    preemption.request()

    with pytest.raises(PreemptedError):
        leave(*rest)


def test_a_step_that_is_left_half_way_gives_its_random_numbers_back(tmp_path: Path) -> None:
    """It will be done again from its beginning, with the same dropout masks."""
    preemption = Preemption()
    callback = LeaveWhenPreempted(preemption)
    arguments = TrainingArguments(str(tmp_path), use_cpu=True, gradient_accumulation_steps=2)
    rest = (arguments, TrainerState(), TrainerControl())
    callback.on_step_begin(*rest)
    drawn = (torch.rand(1).item(), float(np.random.rand()), random.random())

    preemption.request()
    with pytest.raises(PreemptedError):
        callback.on_substep_end(*rest)

    assert (torch.rand(1).item(), float(np.random.rand()), random.random()) == drawn
