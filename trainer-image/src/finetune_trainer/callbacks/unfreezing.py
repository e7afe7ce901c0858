"""Opens a model layer by layer while it is trained."""

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from finetune_trainer.models.unfreezing import Unfreezing


class UnfreezeGradually(TrainerCallback):
    """Freezes and opens parameters at the beginning of each epoch, also after a restart.

    The optimizer has all of them from the start: one that is told of a parameter later never steps
    it. What is frozen has no gradient, so the optimizer passes it over: no weight decay, no
    moments; those begin in the epoch in which it is opened.
    """

    def __init__(self, model: Any, unfreezing: Unfreezing, steps_per_epoch: int) -> None:
        """Note what may move at all.

        Args:
            model: as it was loaded; what is frozen in it by spec.method.freeze stays so.
            unfreezing: says what is open when.
            steps_per_epoch: tells the epoch from the step.
        """
        self._parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self._unfreezing = unfreezing
        self._steps_per_epoch = steps_per_epoch

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Open what is due."""
        epoch = state.global_step // self._steps_per_epoch
        for name, parameter in self._parameters.items():
            parameter.requires_grad_(self._unfreezing.is_open(name, epoch))
