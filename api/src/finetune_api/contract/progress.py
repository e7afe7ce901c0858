"""What a trainer says while it runs: served at /progress, read by the operator every ten seconds.

The operator asks; nobody pushes. So a pod can lie about its own job only, and training pods need no
credentials. Numbers that are not finite are left out: JSON has no NaN.
"""

from typing import Literal

from pydantic import Field

from finetune_api.contract import CONTRACT_VERSION
from finetune_api.models import ReportedModel
from finetune_api.v1alpha1.status import (
    CheckpointStatus,
    EarlyStoppingStatus,
    HistoryPoint,
    Metrics,
    Resolved,
)

Phase = Literal[
    "Start", "Validate", "Load", "Baseline", "Train", "Evaluate", "Save", "Test", "Export", "Done"
]
CHECKPOINT_CORRUPT = "CheckpointCorrupt"
"""Begins, with a colon, the warning of a checkpoint that was set aside; it becomes an event."""
MAX_REPORT_BYTES = 64 * 1024
"""A longer answer is not read: the pod is not trusted."""


class ProgressReport(ReportedModel):
    """The state of one attempt at one moment."""

    version: int = CONTRACT_VERSION
    job_uid: str = Field(
        description="The FineTuneJob this is about; another one's report is dropped."
    )
    attempt: int = Field(ge=1, description="The attempt this is about.")
    phase: Phase = "Start"
    fold: str | None = Field(default=None, max_length=16, description="Such as 2/5.")
    step: int = Field(default=0, ge=0, description="Optimizer steps done.")
    maximum_steps: int | None = Field(default=None, ge=0, description="Optimizer steps in all.")
    epoch: float | None = Field(default=None, ge=0)
    loss: float | None = None
    evaluation_loss: float | None = None
    learning_rate: float | None = None
    gradient_norm: float | None = None
    samples_per_second: float | None = Field(default=None, ge=0)
    tokens_per_second: float | None = Field(default=None, ge=0)
    eta_seconds: float | None = Field(default=None, ge=0)
    resumed_from_step: int | None = Field(default=None, ge=0)
    report_time: str = Field(description="When this was said, RFC 3339.")
    last_step_time: str | None = Field(
        default=None, description="When the last step or other sign of life was."
    )
    early_stopping: EarlyStoppingStatus | None = None
    metrics: Metrics | None = None
    resolved: Resolved | None = None
    checkpoint: CheckpointStatus | None = None
    history: tuple[HistoryPoint, ...] = Field(default=(), max_length=200)
    cpu_seconds: float | None = Field(default=None, ge=0, description="CPU time of this attempt.")
    train_seconds: float | None = Field(
        default=None, ge=0, description="Time spent in training steps."
    )
