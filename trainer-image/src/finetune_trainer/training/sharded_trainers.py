"""The Trainer of a model that is spread over the ranks: distribution.strategy is FSDP.

`assembly` takes it instead of the plain one. What is saved is whole, so that a checkpoint and a
model look the same whatever wrote them; all ranks take part in putting it together. Needs torch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from finetune_trainer.distribution import sharding
from finetune_trainer.models.adapter_files import read_adapter, save_adapter
from finetune_trainer.training.trainers import FineTuneTrainer

OPTIMIZER_NAME, SCHEDULER_NAME = "optimizer.pt", "scheduler.pt"


class ShardedTrainer(FineTuneTrainer):
    """Replaces what would see only a part: saving, loading, and the length of the gradient."""

    def _write_weights(self, folder: Path) -> None:
        weights = sharding.gather_weights(self.model)
        if not self.args.should_save:
            return
        if self.parts.has_adapter:
            save_adapter(self.model, folder, weights)
        else:
            self._save(str(folder), state_dict=weights)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        folder = Path(resume_from_checkpoint)
        weights: dict[str, torch.Tensor] = {}
        if self.args.should_save:
            read = read_adapter if self.parts.has_adapter else _read_weights
            weights = read(self.model, folder)
        sharding.spread_weights(self.model, weights)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        state = sharding.gather_optimizer(self.model, self._plain_optimizer())
        if self.args.should_save:
            torch.save(state, Path(output_dir) / OPTIMIZER_NAME)
            scheduler: Any = self.lr_scheduler
            torch.save(scheduler.state_dict(), Path(output_dir) / SCHEDULER_NAME)

    def _take_up_optimizer(self, checkpoint: str | None) -> None:
        if checkpoint is None:
            return
        folder, state = Path(checkpoint), {}
        if self.args.should_save:
            state = torch.load(folder / OPTIMIZER_NAME, map_location="cpu", weights_only=True)
        sharding.spread_optimizer(self.model, self._plain_optimizer(), state)
        scheduler: Any = self.lr_scheduler
        scheduler.load_state_dict(torch.load(folder / SCHEDULER_NAME, weights_only=True))

    def _measure_gradient(self, *args: Any, **options: Any) -> Any:
        return sharding.make_plain(super()._measure_gradient(*args, **options))

    @contextmanager
    def _defer_fsdp_gradient_reduction(self) -> Iterator[None]:
        """Add up the gradients of several batches before they are sent around."""
        model: Any = self.model
        model.set_requires_gradient_sync(False)
        try:
            yield
        finally:
            model.set_requires_gradient_sync(True)

    def _plain_optimizer(self) -> torch.optim.Optimizer:
        wrapped: Any = self.optimizer
        plain: torch.optim.Optimizer = getattr(wrapped, "optimizer", wrapped)
        return plain


def _read_weights(model: Any, folder: Path) -> dict[str, torch.Tensor]:
    del model
    weights: dict[str, torch.Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):  # a large model has several
        weights |= load_file(path)
    return weights
