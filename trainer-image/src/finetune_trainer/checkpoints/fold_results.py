"""The results of finished folds: small sealed folders beside the checkpoints.

`training.cross_validation` asks here first, so that a fold is trained once whatever happens to the
pod. The checkpoints of a fold are of use only until its result is sealed, and are removed then.
"""

import logging
import shutil
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from finetune_trainer import sealing
from finetune_trainer.checkpoints.identity import Identity
from finetune_trainer.checkpoints.writers import NOBODY_ELSE, Writers
from finetune_trainer.sealing import BrokenSealError
from finetune_trainer.training.folds import FoldResult

logger = logging.getLogger(__name__)
MANIFEST_NAME = "manifest.json"
RESULT_NAME = "result.json"
_ADAPTER = TypeAdapter(FoldResult)


class FoldResults:
    """The results of the folds of one job.

    Attributes:
        warnings: which of them were broken.
    """

    def __init__(self, folder: Path, identity: Identity, writers: Writers = NOBODY_ELSE) -> None:
        """Open the folder of the checkpoints, and clear away what a killed writer left.

        Args:
            folder: of the checkpoints.
            identity: only results that agree with it are used.
            writers: the processes that train; their leader alone looks, keeps and tidies up.
        """
        self.warnings: list[str] = []
        self._folder = folder
        self._identity = identity
        self._writers = writers
        self._ranks = writers.ranks
        self._ranks.lead(lambda: sealing.sweep_leftovers(folder, "fold-*"))

    def name_folder(self, number: int) -> Path:
        """Say where the checkpoints of a fold lie while it is trained."""
        return self._folder / f"fold-{number}"

    def find(self, number: int) -> FoldResult | None:
        """Find the result of a fold; None while it is still to be trained."""
        return self._ranks.lead(lambda: self._find(number))

    def _find(self, number: int) -> FoldResult | None:
        path = self._name_result(number)
        if not path.exists():
            return None
        try:
            about = sealing.verify(path, MANIFEST_NAME).about
            problem = self._identity.find_difference(about)
            result = _ADAPTER.validate_json((path / RESULT_NAME).read_bytes())
        except (BrokenSealError, ValidationError, OSError) as error:
            problem = str(error)
        if problem is not None:
            shutil.rmtree(path)
            warning = f"fold {number} is trained again: {path.name} cannot be used, {problem}"
            logger.warning("%s", warning)
            self.warnings.append(warning)
            return None
        shutil.rmtree(self.name_folder(number), ignore_errors=True)
        return result

    def keep(self, result: FoldResult) -> None:
        """Seal the result of a fold, then remove its checkpoints."""
        self._ranks.lead(lambda: self._keep(result))

    def _keep(self, result: FoldResult) -> None:
        final = self._name_result(result.number)
        with sealing.writing_aside(final) as temporary:
            (temporary / RESULT_NAME).write_bytes(_ADAPTER.dump_json(result, by_alias=True))
            sealing.seal(temporary, MANIFEST_NAME, asdict(self._identity))
            self._writers.may_publish()
            sealing.publish(temporary, final)
        shutil.rmtree(self.name_folder(result.number), ignore_errors=True)

    def _name_result(self, number: int) -> Path:
        return self._folder / f"fold-{number}-result"
