"""What every part of an attempt may need; nothing here needs torch.

`run` fills it in once the data and the files of the model are there.
"""

from dataclasses import dataclass
from pathlib import Path

from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_trainer.checkpoints.identity import Identity
from finetune_trainer.checkpoints.writers import Writers
from finetune_trainer.data.inspections import Inspection
from finetune_trainer.data.loading import Data
from finetune_trainer.distribution.ranks import Ranks
from finetune_trainer.models.sources import Pretrained
from finetune_trainer.preemption import Preemption
from finetune_trainer.reporting.board import Board
from finetune_trainer.reporting.instruments import Instruments
from finetune_trainer.tasks.base import Scores, Task
from finetune_trainer.tracking.trackings import NO_TRACKING, Tracking
from finetune_trainer.training.plans import Plan


@dataclass(frozen=True, slots=True)
class Context:
    """What every part of an attempt may need.

    Attributes:
        job: the resolved job.
        task: what is learned.
        data: checked and split.
        plan: the steps.
        pretrained: the model's files.
        checkpoints: the folder of checkpoints.
        board: the report.
        instruments: the metrics for Prometheus.
        preemption: whether to leave.
        inspection: what was found out about the data.
        writers: the processes that train together, and write to the checkpoints.
        tracking: the trackers that are told.
    """

    job: ResolvedJob
    task: Task
    data: Data
    plan: Plan
    pretrained: Pretrained
    checkpoints: Path
    board: Board
    instruments: Instruments
    preemption: Preemption
    inspection: Inspection
    writers: Writers
    tracking: Tracking = NO_TRACKING

    @property
    def ranks(self) -> Ranks:
        """The processes that train together."""
        return self.writers.ranks

    @property
    def identity(self) -> Identity:
        """Whose checkpoints these are."""
        return Identity(self.job.uid, self.job.config_hash, self.data.fingerprint)

    def choose_scores(self, scores: Scores) -> Scores:
        """Keep the metrics that were asked for, in the order of the task."""
        wanted = self.job.spec.evaluation.metrics or self.task.metrics
        # A guess that is no model has no loss.
        return {n: scores[n] for n in self.task.metrics if n in wanted and n in scores}
