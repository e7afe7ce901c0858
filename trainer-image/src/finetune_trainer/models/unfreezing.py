"""spec.method.gradualUnfreezing: what moves in which epoch.

Pure; `callbacks.unfreezing` applies it. The output layer begins alone; then layers open from the
top, and when all of them are open, the embeddings. What is open follows from the number of the
epoch and from nothing else, so an attempt that goes on in the middle of a run needs no memory.
"""

import math
from dataclasses import dataclass

from finetune_api.v1alpha1.method import GradualUnfreezing
from finetune_trainer.models.freezing import require_head
from finetune_trainer.models.layers import Layout


@dataclass(frozen=True, slots=True)
class Unfreezing:
    """When what is opened.

    Attributes:
        spec: spec.method.gradualUnfreezing.
        layout: of the model.
    """

    spec: GradualUnfreezing
    layout: Layout

    def is_open(self, name: str, epoch: int) -> bool:
        """Tell whether a parameter moves in an epoch, counted from 0."""
        return name in self.layout.head or self.layout.level_of[name] >= self._lowest(epoch)

    def find_warnings(self, epochs: float) -> list[str]:
        """Say so when the run is too short to open everything."""
        needed = self._steps * self.spec.every_epochs + 1
        if epochs >= needed:
            return []
        closed = max(0, self._lowest(math.ceil(epochs) - 1) - 1)
        layers = f"{closed} of {self.layout.layer_count} layers and " if closed else ""
        return [
            f"method.gradualUnfreezing opens everything after {needed - 1} epochs, but the run has"
            f" {epochs:g}: {layers}the embeddings never move; raise training.epochs to {needed} or"
            " layersPerStep"
        ]

    @property
    def _steps(self) -> int:
        return math.ceil(self.layout.layer_count / self.spec.layers_per_step) + 1

    def _lowest(self, epoch: int) -> int:
        """Give the lowest level that is open; what lies above all layers opens with the top one."""
        step = epoch // self.spec.every_epochs
        if step >= self._steps:
            return 0
        top = self.layout.layer_count
        if step == 0:
            return top + 1
        return max(1, top + 1 - step * self.spec.layers_per_step)


def plan_unfreezing(spec: GradualUnfreezing, layout: Layout) -> Unfreezing:
    """Plan it for a model.

    Raises:
        ConfigError: the model has no output layer of its own to begin with, or no layers.
    """
    require_head(
        layout,
        "method.gradualUnfreezing begins with the output layer",
        "use training.layerwiseLearningRateDecay instead",
    )
    layout.require_layers("method.gradualUnfreezing opens layer after layer")
    return Unfreezing(spec, layout)
