"""Everything a decision may look at, gathered before it is asked: `rules` read nothing else.

`runtime.reconciler` fills it from the store; tests build it by hand.
"""

from dataclasses import dataclass
from functools import cached_property

from finetune_api.contract.progress import ProgressReport
from finetune_api.v1alpha1 import FineTuneJobSpec, FineTuneJobStatus
from finetune_operator.core.origins import Origin
from finetune_operator.core.outputs import Place
from finetune_operator.core.records import AttemptRecord, JobRecord, Key, PodRecord
from finetune_operator.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Attempt:
    """One batch Job and the pods it made, the oldest first."""

    record: AttemptRecord
    pods: tuple[PodRecord, ...] = ()

    @property
    def number(self) -> int:
        """The number of the attempt, from 1."""
        return self.record.number

    @property
    def failures_before(self) -> int:
        """How many attempts before this one count as failed."""
        return self.record.number - 1 - self.record.preempted_before

    @property
    def pod(self) -> PodRecord | None:
        """The newest pod that leads: it writes, reports, and tells how the attempt ended."""
        return next((pod for pod in reversed(self.pods) if pod.index == 0), None)

    @property
    def members(self) -> tuple[PodRecord, ...]:
        """The newest pod of each index, the leader first."""
        newest = {pod.index: pod for pod in self.pods}
        return tuple(newest[index] for index in sorted(newest))


@dataclass(frozen=True, slots=True)
class Rival:
    """Another live job of the namespace that writes to the same claim."""

    key: Key
    uid: str
    created_at: float
    has_begun: bool
    place: Place


@dataclass(frozen=True, slots=True)
class ReceivedReport:
    """What a trainer said, and when we heard it by our own clock."""

    report: ProgressReport
    received_at: float


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why the cluster did not let a child be made, as `runtime.obstacles` reads it from an error.

    Attributes:
        is_final: whether trying again is pointless, so that the job fails.
    """

    reason: str
    message: str
    is_final: bool = False


@dataclass(frozen=True)
class Facts:
    """The state of one job at one moment.

    Attributes:
        attempts: the batch Jobs that exist, by number.
        rivals: live jobs that write to the same claim.
        origins: the jobs that job:// sources name; asked for only before the first attempt.
        report: the newest progress report, whatever attempt it is about.
        obstacle: what the last try to make a child ran into, in this very look.
        is_confirmed: whether the children were read from the API server just now; without that, an
            absent child may only be late.
        now: seconds since the epoch.
    """

    job: JobRecord
    now: float
    settings: Settings
    attempts: tuple[Attempt, ...] = ()
    rivals: tuple[Rival, ...] = ()
    origins: tuple[Origin, ...] = ()
    report: ReceivedReport | None = None
    obstacle: Obstacle | None = None
    is_confirmed: bool = False

    @property
    def before(self) -> FineTuneJobStatus:
        """The status as it is now."""
        return self.job.status

    @cached_property
    def spec(self) -> FineTuneJobSpec:
        """The spec; asked for only after `refuse_an_invalid_spec` let the job pass."""
        assert self.job.job is not None
        return self.job.job.spec

    @cached_property
    def nodes(self) -> int:
        """How many pods train together."""
        return self.spec.resources.nodes

    @cached_property
    def attempts_begun(self) -> int:
        """The number of the newest attempt ever begun: numbers are never used twice."""
        told = self.before.attempts.started if self.before.attempts else 0
        return max([told, *(attempt.number for attempt in self.attempts)])

    @cached_property
    def latest(self) -> Attempt | None:
        """The newest attempt; None before the first one, and when its batch Job is gone."""
        found = (a for a in self.attempts if a.number == self.attempts_begun)
        return next(found, None)

    @cached_property
    def models(self) -> dict[str, str]:
        """What each job:// source stands for: as the first attempt found it, for all of them."""
        frozen = self.before.resolved.models if self.before.resolved else None
        return frozen or {origin.uri: origin.model for origin in self.origins if origin.model}

    @cached_property
    def queue_name(self) -> str | None:
        """The Kueue queue, where the job has one."""
        labels = self.job.job.metadata.labels if self.job.job else {}
        return labels.get("kueue.x-k8s.io/queue-name")
