"""TensorBoard: event files beside the checkpoints, which survive attempts, and in the model.

A resumed attempt comes by some steps again. TensorBoard is told to forget what was written of them
before (`purge_step`), so that the curve has each step once. Each fold has a folder of its own,
which TensorBoard shows as a run beside the others.
"""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finetune_trainer.tracking.records import Ending, Facts, Point, Start, TrackingError

FOLDER_NAME = "tensorboard"
FLUSH_SECONDS = 10
_HINT = "Look at the volume of the checkpoints: is it full?"


class EventFiles:
    """Writes a folder of event files."""

    def __init__(self, folder: Path, facts: Facts) -> None:
        self._folder = folder
        self._facts = facts
        self._writers: dict[str, Any] = {}

    def begin(self, start: Start) -> None:
        """Open a file; what earlier attempts wrote of the steps to come is forgotten."""
        try:
            writer = self._open(start.stage, start.step + 1 if start.step else 0)
            if not start.step:
                writer.add_text("job", _write_table(self._facts), 0)
            writer.flush()
        except OSError as error:
            raise _explain(error) from error

    def write(self, points: Sequence[Point]) -> None:
        """Add numbers."""
        try:
            for point in points:
                # A training that was over when this attempt began is not begun again.
                writer = self._writers.get(point.stage) or self._open(point.stage, None)
                for name, value in point.values.items():
                    writer.add_scalar(name, value, point.step, walltime=point.seconds)
            for stage in {point.stage for point in points}:
                self._writers[stage].flush()
        except OSError as error:
            raise _explain(error) from error

    def end(self, ending: Ending) -> None:
        """Close the files."""
        try:
            for writer in self._writers.values():
                writer.close()
        except OSError as error:
            raise _explain(error) from error

    def _open(self, stage: str, purge_step: int | None) -> Any:
        from torch.utils.tensorboard import SummaryWriter

        folder = str(self._folder / stage)
        writer: Any = SummaryWriter(folder, purge_step=purge_step, flush_secs=FLUSH_SECONDS)
        self._writers[stage] = writer
        return writer


def copy_event_files(checkpoints: Path, model: Path) -> None:
    """Put the event files into a model that is about to be sealed; hubs show them, too."""
    source = checkpoints / FOLDER_NAME
    if source.is_dir():
        shutil.copytree(source, model / FOLDER_NAME)


def _write_table(facts: Facts) -> str:
    rows = {**facts.tags, **facts.parameters}
    lines = [f"| {name} | {_write_cell(value)} |" for name, value in rows.items()]
    return "\n".join(["| | |", "| --- | --- |", *lines])


def _write_cell(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("|", "\\|")


def _explain(error: OSError) -> TrackingError:
    return TrackingError(f"the event files cannot be written: {error.strerror}", _HINT)
