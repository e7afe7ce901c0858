"""What the training knows of trackers: one object to tell things to, which never waits.

`run` opens it on the leader and says how the attempt ended, `callbacks.tracking` tells of steps.
Where no tracker is asked for, and on every other rank, telling costs nothing.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from finetune_api.contract.progress import ProgressReport
from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_trainer.errors import PreemptedError, QualityGateError
from finetune_trainer.places import Places
from finetune_trainer.preemption import Preemption
from finetune_trainer.reporting.instruments import Instruments
from finetune_trainer.tracking.facts import describe_job
from finetune_trainer.tracking.records import Ended, Ending, Point, Start
from finetune_trainer.tracking.registry import TRACKERS, Order
from finetune_trainer.tracking.scalars import read_summary
from finetune_trainer.tracking.senders import Sender, make_point

SETTLE_SECONDS = 5.0
END_SECONDS: dict[Ended, float] = {"Succeeded": 20.0, "Failed": 10.0, "Interrupted": 3.0}
"""What telling the end may take. An interrupted process is about to be killed."""
KEPT_FILES = ("README.md", "metrics.json", "result.json", "folds.json", "slices.json")
MOST_FILE_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Tracking:
    """The trackers of an attempt.

    Attributes:
        senders: one for each tracker.
        stage: the training that is told of, such as fold-1; empty for the one that gives the model.
    """

    senders: tuple[Sender, ...] = ()
    stage: str = ""

    def of_stage(self, stage: str) -> "Tracking":
        """Give the same trackers, to tell them of one of several trainings."""
        return replace(self, stage=stage)

    def begin(self, step: int) -> None:
        """Say that the training begins, or goes on after a step."""
        for sender in self.senders:
            sender.put(Start(self.stage, step))

    def log(self, step: int, values: dict[str, float]) -> None:
        """Tell numbers of a step."""
        if values:
            point = make_point(self.stage, step, values)
            for sender in self.senders:
                sender.put(point)

    def summarize(self, step: int, report: ProgressReport) -> None:
        """Tell what the finished model is like, and wait a little until files have it."""
        self.log(step, read_summary(report.metrics))
        for sender in self.senders:
            sender.settle(SETTLE_SECONDS)

    def end(self, ended: Ended, folder: Path | None = None, seconds: float = math.inf) -> None:
        """Say how the attempt ended; waits, but no longer than seconds.

        Args:
            ended: how.
            folder: where the model was sealed, whose card and metrics are kept with the run.
            seconds: that are left for it.
        """
        files = _choose_files(folder) if folder else ()
        for sender in self.senders:
            sender.close(Ending(ended, files), min(seconds, END_SECONDS[ended]))

    def remember(self) -> dict[str, list[dict[str, Any]]]:
        """Give what trackers do not have yet, as JSON can hold it."""
        return {s.name: [asdict(point) for point in s.list_waiting()] for s in self.senders}

    def recall(self, memory: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Send what an earlier attempt could not."""
        for sender in self.senders:
            for point in memory.get(sender.name, ()):
                sender.put(Point(**point))

    def find_problems(self) -> list[str]:
        """Say what went wrong so far."""
        return [sender.problem for sender in self.senders if sender.problem]


NO_TRACKING = Tracking()


def _choose_files(folder: Path) -> tuple[Path, ...]:
    paths = [folder / name for name in KEPT_FILES]
    return tuple(p for p in paths if p.is_file() and p.stat().st_size <= MOST_FILE_BYTES)


def open_tracking(
    job: ResolvedJob, places: Places, report: ProgressReport, instruments: Instruments
) -> Tracking:
    """Give the trackers that a job asks for."""
    order = Order(
        job.spec.tracking,
        describe_job(job, report.resolved, report.attempt),
        places.checkpoints,
    )
    senders = (
        Sender(
            kind.name,
            opener,
            instruments.tracking_lost.labels(kind.name).inc,
            remembers=kind.knows_repeats,
        )
        for kind in TRACKERS
        if (opener := kind.find(order)) is not None
    )
    return Tracking(tuple(senders))


@contextmanager
def telling_failures(tracking: Tracking, places: Places, preemption: Preemption) -> Iterator[None]:
    """Tell the trackers when the work inside does not come to its end."""
    try:
        yield
    except PreemptedError:
        tracking.end("Interrupted", seconds=preemption.count_seconds_left() / 2)
        raise
    except QualityGateError:
        tracking.end("Failed", places.rejected)
        raise
    except BaseException:  # Ctrl-C as well; it goes on below
        tracking.end("Failed")
        raise
