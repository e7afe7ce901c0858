"""Keeps what is frozen still: no dropout in a body that only extracts features, no statistics.

Freezing parameters is not enough. A batch norm goes on averaging what it sees, so a "frozen" ResNet
drifts all the same; and features that change with every dropout mask are not what practitioners
mean by feature extraction, where they could as well be computed once. `training.trainers` calls
`hold` before each forward pass of the training, after the library has put everything into training
mode.
"""

from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase


class Stillness:
    """Puts modules that must not move into evaluation mode."""

    def __init__(self, model: Any, *, is_extraction: bool) -> None:
        """Look for what may move by itself.

        Args:
            model: what is frozen is frozen already.
            is_extraction: whether the frozen part is one fixed function, without dropout; elsewhere
                dropout in frozen layers regularises those above.
        """
        self._extraction = list(_walk_frozen(model)) if is_extraction else []
        self._norms = [m for m in model.modules() if _has_statistics(m)]

    def hold(self) -> None:
        """Put them into evaluation mode; a norm that was unfrozen since is left alone."""
        for module in self._extraction:
            module.training = False
        for norm in self._norms:
            norm.training = norm.training and any(p.requires_grad for p in norm.parameters())


def _has_statistics(module: nn.Module) -> bool:
    return isinstance(module, _NormBase) and module.track_running_stats


def _walk_frozen(module: nn.Module) -> Iterator[nn.Module]:
    """List the modules of every part that has parameters, none of which is trained."""
    parameters = list(module.parameters())
    if not parameters:
        return
    if not any(parameter.requires_grad for parameter in parameters):
        yield from module.modules()
        return
    for child in module.children():
        yield from _walk_frozen(child)
