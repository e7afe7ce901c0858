"""The best model so far: weights only, sealed with the metric that made it the best.

`callbacks.early_stopping` writes it the moment an evaluation beats all before it, whatever the
interval of the checkpoints; test and export use it. It tells its own value, so that an attempt that
goes on from an older checkpoint still knows it.
"""

import math
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from finetune_trainer import sealing
from finetune_trainer.checkpoints.identity import Identity
from finetune_trainer.checkpoints.quarantines import set_aside
from finetune_trainer.checkpoints.writers import NOBODY_ELSE, Writers
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


@dataclass(frozen=True, slots=True)
class Ranking:
    """By what models are compared.

    Attributes:
        metric: what is followed.
        greater_is_better: its direction.
    """

    metric: str
    greater_is_better: bool


class BestKeeper:
    """Keeps one best model beside the checkpoints.

    Attributes:
        best: the best so far.
        lost_step: the step of a best model that was found broken: only training from before it
            brings it back. None when nothing is lost.
        warnings: what was found broken.
        ranks: the processes that keep it together.
    """

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        ranking: Ranking,
        writers: Writers = NOBODY_ELSE,
    ) -> None:
        """Open the folder.

        Args:
            folder: of the checkpoints.
            identity: only models that agree with it are used.
            ranking: by what they are compared.
            writers: the processes that write; their leader alone tidies up.
        """
        self._folder = folder
        self._identity = identity
        self._metric = ranking.metric
        self._sign = 1 if ranking.greater_is_better else -1
        self._writers = writers
        self.ranks = writers.ranks
        self.best: Best | None = None
        self.lost_step: int | None = None
        self.warnings: list[str] = []

    def find(self) -> Best | None:
        """Find the best of the sealed models that an earlier attempt left; set broken ones aside.

        The newest is the best: a model is kept when it beats all before it. An older one beside it
        is what a kill left, and no loss.
        """
        self.best, self.lost_step, self.warnings = self.ranks.lead(self._find)
        return self.best

    def _find(self) -> tuple[Best | None, int | None, list[str]]:
        found: list[Best] = []
        broken: list[int] = []
        for path in self._list():
            try:
                best = self._open(path)
            except BrokenSealError as error:
                broken.append(_step_of(path))
                self.warnings.append(set_aside(path, str(error)))
                continue
            if best is not None:
                found.append(best)
        self.best = max(found, key=lambda b: (self._sign * b.value, -b.step), default=None)
        if broken and (self.best is None or max(broken) > self.best.step):
            self.lost_step = max(broken)
        self._remove_others()
        return self.best, self.lost_step, self.warnings

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

        def seal(temporary: Path) -> None:
            sealing.seal(temporary, MANIFEST_NAME, about)

        with self._writers.writing(final, seal) as temporary:
            save(temporary)
        self.best = Best(final, step, self._metric, value, dict(scores))
        self.ranks.lead(self._remove_others)
        return self.best

    def _open(self, path: Path) -> Best | None:
        about: dict[str, Any] = sealing.verify(path, MANIFEST_NAME).about
        if self._identity.find_difference(about) or about.get("metric") != self._metric:
            return None
        return Best(path, about["step"], self._metric, about["value"], about["scores"])

    def _remove_others(self) -> None:
        for path in self._list():
            if self.best is None or path != self.best.path:
                sealing.retire(path)

    def _list(self) -> list[Path]:
        return sorted(path for path in self._folder.iterdir() if _NAME.fullmatch(path.name))


def _step_of(path: Path) -> int:
    return int(path.name.rpartition("-")[2])
