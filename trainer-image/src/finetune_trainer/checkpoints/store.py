"""The checkpoints of a job: written whole, verified before use, the newest good one wins.

`training.trainers` writes through it, `training.attempts` asks it where to go on. A broken
checkpoint is set aside under another name and the one before it is used; without any, training
begins anew.
"""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from finetune_trainer import sealing
from finetune_trainer.checkpoints import quarantines
from finetune_trainer.checkpoints.identity import Identity, list_versions
from finetune_trainer.checkpoints.quarantines import set_aside
from finetune_trainer.checkpoints.writers import NOBODY_ELSE, Writers
from finetune_trainer.errors import StorageFullError
from finetune_trainer.sealing import BrokenSealError, Sealed

MANIFEST_NAME = "manifest.json"
_NAME = re.compile(r"checkpoint-(\d+)")
_MARGIN = 1.05
"""A checkpoint may be a little larger than the one before it."""

FreeBytes = Callable[[Path], int]


def measure_free_bytes(folder: Path) -> int:
    """Ask the file system how much is free for us."""
    return shutil.disk_usage(folder).free


class CheckpointStore:
    """A folder of checkpoints.

    Attributes:
        folder: holds `checkpoint-<step>` folders and nothing else of importance.
        newest_step: the step of the newest checkpoint that was written or found whole.
        warnings: what was found broken.
    """

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        *,
        keep: int,
        expected_bytes: int = 0,
        free_bytes: FreeBytes = measure_free_bytes,
        writers: Writers = NOBODY_ELSE,
    ) -> None:
        """Open the folder, and clear away what a killed writer left.

        Args:
            folder: made if it is not there.
            identity: only checkpoints that agree with it are used.
            keep: how many whole ones to keep.
            expected_bytes: the size of a checkpoint before one was written.
            free_bytes: asks how much room there is.
            writers: the processes that write; their leader alone tidies up.
        """
        self.folder = folder
        self.newest_step: int | None = None
        self.warnings: list[str] = []
        self._identity = identity
        self._keep = keep
        self._expected_bytes = expected_bytes
        self._free_bytes = free_bytes
        self._writers = writers
        self._ranks = writers.ranks
        folder.mkdir(parents=True, exist_ok=True)
        self._ranks.lead(lambda: sealing.sweep_leftovers(folder))

    def find_newest(self, before: int | None = None) -> Sealed | None:
        """Find the newest checkpoint that is whole and ours; set broken ones aside.

        Args:
            before: go back to one of an earlier step than this; later ones are removed, since
                training comes by their steps again.
        """
        sealed, self.warnings = self._ranks.lead(lambda: (self._find_newest(before), self.warnings))
        if sealed is not None:
            self.newest_step = _step_of(sealed.path)
            self._expected_bytes = sealed.bytes
        return sealed

    def _find_newest(self, before: int | None) -> Sealed | None:
        later = [] if before is None else [p for p in self._list() if _step_of(p) >= before]
        for path in later:
            sealing.retire(path)
        for path in reversed(self._list()):
            try:
                sealed = sealing.verify(path, MANIFEST_NAME)
                difference = self._identity.find_difference(sealed.about)
                if difference is None:
                    return sealed
                problem = difference
            except BrokenSealError as error:
                problem = str(error)
            self.warnings.append(set_aside(path, problem))
        return None

    @contextmanager
    def writing(self, step: int) -> Iterator[Path]:
        """Give a folder to write a checkpoint into; it is sealed and published afterwards.

        Raises:
            StorageFullError: there is no room; the checkpoints that are there stay.
        """
        self._ranks.lead(self._make_room)
        final = self.folder / f"checkpoint-{step}"

        def seal(temporary: Path) -> None:
            about = {
                **asdict(self._identity),
                "step": step,
                "saved_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "versions": list_versions(),
            }
            sealing.seal(temporary, MANIFEST_NAME, about)

        with self._writers.writing(final, seal) as temporary:
            yield temporary
        self.newest_step = step
        self._expected_bytes = self._ranks.lead(lambda: self._tidy_up(final))

    def _tidy_up(self, newest: Path) -> int:
        self._prune(self._keep)
        return sealing.read_manifest(newest, MANIFEST_NAME).bytes

    @property
    def newest_bytes(self) -> int:
        """The size of the newest checkpoint."""
        return self._expected_bytes

    def _make_room(self) -> None:
        needed = int(self._expected_bytes * _MARGIN)
        if self._free_bytes(self.folder) >= needed:
            return
        quarantines.clear(self.folder)
        self._prune(1)
        free = self._free_bytes(self.folder)
        if free < needed:
            raise StorageFullError(
                f"a checkpoint needs about {_megabytes(needed)}, but the volume of the checkpoints"
                f" has {_megabytes(free)} free; the last good checkpoint stays"
            )

    def _prune(self, keep: int) -> None:
        for path in self._list()[:-keep]:
            sealing.retire(path)

    def _list(self) -> list[Path]:
        found = [path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(found, key=_step_of)


def _step_of(path: Path) -> int:
    return int(path.name.rpartition("-")[2])


def _megabytes(count: int) -> str:
    return f"{count / 2**20:.0f} MiB"
