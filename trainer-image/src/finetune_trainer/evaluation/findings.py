"""What was found out about a finished model besides its metrics; the export writes it down."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from finetune_api.v1alpha1.status import Cost
from finetune_trainer.evaluation.intervals import Interval
from finetune_trainer.reporting.board import Measured


@dataclass(frozen=True, slots=True)
class Findings:
    """What examining a model gave.

    Attributes:
        intervals: the 95 % interval of each metric, of the best model or the test.
        slices: the content of slices.json; None where no groups were asked for.
        probes: the content of probes.json; None where there are none.
        confusion: the content of confusion.csv; None where labels are not what is learned.
        cost: what the job used; None when nobody counted.
        complaints: why the model must not be published; nothing when it may.
    """

    intervals: Mapping[Measured, Mapping[str, Interval]] = field(default_factory=dict)
    slices: dict[str, Any] | None = None
    probes: dict[str, Any] | None = None
    confusion: str | None = None
    cost: Cost | None = None
    complaints: tuple[str, ...] = ()


NO_FINDINGS = Findings()
