"""The validation report while it grows: begun when the data is read, complete when it is encoded.

`run` begins it, `training.assembly` adds what the tokenizer tells, `run` writes it beside the
model. Each state is left beside the checkpoints: a job that fails later has said what it saw.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from finetune_trainer.data import reports
from finetune_trainer.data.loading import Data
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.tables import Part
from finetune_trainer.data.wording import describe_report

logger = logging.getLogger(__name__)


class Counted(Protocol):
    """What is asked of encoded rows."""

    @property
    def lengths(self) -> Sequence[int]:
        """Tokens of each."""
        ...

    @property
    def truncated(self) -> int:
        """Rows that were cut."""
        ...

    @property
    def unknown(self) -> int:
        """Tokens that the vocabulary does not have."""
        ...


class Inspection:
    """What was found out so far about the data of a job.

    Attributes:
        report: the same as data.
    """

    def __init__(self, data: Data, needs: Needs, folder: Path) -> None:
        """Look at the rows, and leave what they show.

        Args:
            data: checked and split.
            needs: what the task asks for.
            folder: the checkpoints.
        """
        self._data = data
        self._needs = needs
        self._folder = folder
        self.report = _summarize(reports.build_report(data, needs))
        self.write(folder)

    def look_closer(self, encoded: dict[str, Counted], tokenizer: Any | None) -> None:
        """Add what needs more than the rows, say it all, and leave it.

        Args:
            encoded: rows of the model, by the name of their part.
            tokenizer: what made them; None where they are no texts.
        """
        report = reports.add_label_doubts(self.report, self._data, self._needs)
        if tokenizer is not None:
            report = reports.add_domain(report, self._data, self._needs, tokenizer)
            for name, rows in encoded.items():
                report = reports.add_tokens(
                    report, name, rows.lengths, rows.truncated, rows.unknown
                )
        self.report = _summarize(report)
        self.write(self._folder)
        for sentence in self.report.summary:
            logger.info("data: %s", sentence)

    def covers(self, part: Part) -> bool:
        """Tell whether a part is one of the report, and not a fold of one."""
        return self._data.parts.get(part.name) is part

    def write(self, folder: Path) -> None:
        """Leave the report in a folder."""
        reports.write_report(self.report, folder)


def _summarize(report: reports.ValidationReport) -> reports.ValidationReport:
    return report.model_copy(update={"summary": describe_report(report)})
