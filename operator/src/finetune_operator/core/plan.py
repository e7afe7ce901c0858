"""What a decision gives: the status to show and the few things to do about it.

`rules.decide` makes it, `runtime.reconciler` carries it out. Everything here may be carried out
twice, or half and then again, without harm.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from finetune_api.v1alpha1 import FineTuneJobStatus
from finetune_api.v1alpha1.status import Failure, State


@dataclass(frozen=True, slots=True)
class Launch:
    """An attempt whose config, claims and batch Job shall exist.

    Attributes:
        image: the trainer image, the same for every attempt of a job.
        deadline_seconds: what remains of spec.activeDeadlineSeconds.
        is_repair: the batch Job exists; only what its pod needs to start is made sure of.
        models: what each job:// source stands for.
        preempted: earlier attempts that the cluster took away; they do not count as failed.
    """

    number: int
    image: str
    deadline_seconds: int | None = None
    is_repair: bool = False
    models: Mapping[str, str] = field(default_factory=dict)
    preempted: int = 0


@dataclass(frozen=True, slots=True)
class Suspension:
    """A change of `suspend` on a batch Job, made once on the user's word.

    Attributes:
        active_seconds: how long the batch Job was active so far; Kubernetes forgets it.
        deadline_seconds: what remains on going on.
    """

    job_name: str
    uid: str
    is_suspended: bool
    active_seconds: float
    deadline_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """A batch Job that shall go, by uid: a later one of the same name stays."""

    job_name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule found.

    Attributes:
        state: the summary; the conditions follow from it.
        reason: for the conditions that the state makes true, and for those it holds back.
        accepted: whether the spec passed; else reason and message say why not.
        failure: details of a failure, for status.failure.
        finished_at: when the job ended, where that is known better than "now".
        refresh: the children must be read from the API server before this can be decided.
        is_expired: the FineTuneJob itself shall be deleted.
        keeps_status: the status stays as it is.
    """

    state: State = "Pending"
    reason: str = ""
    message: str = ""
    accepted: bool = True
    failure: Failure | None = None
    finished_at: float | None = None
    launch: Launch | None = None
    suspension: Suspension | None = None
    removals: tuple[Removal, ...] = ()
    recheck_seconds: float | None = None
    refresh: bool = False
    is_expired: bool = False
    keeps_status: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """One event for `kubectl describe`."""

    reason: str
    message: str
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What shall be, as far as this operator can do something about it."""

    status: FineTuneJobStatus
    launch: Launch | None = None
    suspension: Suspension | None = None
    removals: tuple[Removal, ...] = ()
    refresh: bool = False
    is_expired: bool = False
    recheck_seconds: float | None = None
    notices: tuple[Notice, ...] = field(default=())

    @property
    def changes_children(self) -> bool:
        """Whether something is to be made, changed or removed before the status can be told."""
        return bool(self.launch or self.suspension or self.removals)
