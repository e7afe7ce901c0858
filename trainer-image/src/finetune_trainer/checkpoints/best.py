"""The best model so far: weights only, sealed with the metric that made it the best.

`callbacks.early_stopping` writes it the moment an evaluation beats all before it, whatever the
interval of the checkpoints; test and export use it. It tells its own value, so that an attempt that
goes on from an older checkpoint still knows it.
"""

import math
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from finetune_trainer import sealing
from finetune_trainer.checkpoints.identity import Identity
from finetune_trainer.sealing import BrokenSealError

MANIFEST_NAME = "manifest.json"
_NAME = re.compile(r"best-\d+")


@dataclass(frozen=True, slots=True)
class Best:
    """The best model.

    Attributes:
        path: the folder with its weights.
        step: when it was the model.
        metric: what was followed.
        value: its value.
        scores: all metrics of that evaluation.
    """

    path: Path
    step: int
    metric: str
    value: float
    scores: dict[str, float]


class BestKeeper:
    """Keeps one best model beside the checkpoints."""

    def __init__(
        self, folder: Path, identity: Identity, metric: str, *, greater_is_better: bool
    ) -> None:
        self._folder = folder
        self._identity = identity
        self._metric = metric
        self._sign = 1 if greater_is_better else -1
        self.best: Best | None = None

    def find(self) -> Best | None:
        """Find the best of the sealed models that an earlier attempt left; broken ones go."""
        found = [best for path in self._list() if (best := self._open(path)) is not None]
        self.best = max(found, key=lambda b: (self._sign * b.value, -b.step), default=None)
        self._remove_others()
        return self.best

    def is_better(self, value: float) -> bool:
        """Tell whether a value beats the best; one that is no number never does."""
        if math.isnan(value):
            return False
        return self.best is None or self._sign * (value - self.best.value) > 0

    def keep(self, step: int, scores: dict[str, float], save: Callable[[Path], None]) -> Best:
        """Write a new best model, then forget the old one.

        Args:
            step: the step it belongs to.
            scores: the metrics of the evaluation.
            save: writes the weights into a folder.
        """
        final = self._folder / f"best-{step}"
        value = scores[self._metric]
        about = {
            **asdict(self._identity),
            "step": step,
            "metric": self._metric,
            "value": value,
            "scores": scores,
        }
        with sealing.writing_aside(final) as temporary:
            save(temporary)
            sealing.seal(temporary, MANIFEST_NAME, about)
            sealing.publish(temporary, final)
        self.best = Best(final, step, self._metric, value, dict(scores))
        self._remove_others()
        return self.best

    def _open(self, path: Path) -> Best | None:
        try:
            about: dict[str, Any] = sealing.verify(path, MANIFEST_NAME).about
        except BrokenSealError:
            return None
        if self._identity.find_difference(about) or about.get("metric") != self._metric:
            return None
        return Best(path, about["step"], self._metric, about["value"], about["scores"])

    def _remove_others(self) -> None:
        for path in self._list():
            if self.best is None or path != self.best.path:
                shutil.rmtree(path)

    def _list(self) -> list[Path]:
        return sorted(path for path in self._folder.iterdir() if _NAME.fullmatch(path.name))
