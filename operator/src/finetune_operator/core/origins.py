"""The jobs whose models a job starts from or is measured against: `job://name`.

They are waited for, in whatever order everything was applied: one that is not there may come, one
that runs may end well. What they made is looked up once, when the first attempt begins, and holds
for all attempts. `rules` asks, `runtime.store` fills in the facts.
"""

from dataclasses import dataclass

from finetune_api.contract.resolved_jobs import pin_model
from finetune_api.v1alpha1 import FineTuneJobStatus
from finetune_api.v1alpha1.spec_sources import list_job_sources
from finetune_api.v1alpha1.status import State
from finetune_operator.core import reasons
from finetune_operator.core.faults import Fault
from finetune_operator.core.records import JobRecord

MODEL_ARTIFACT = "model"


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of a job that another one names.

    Attributes:
        name: of the FineTuneJob.
        field: the field under spec that names it.
        state: how it goes; None when it is not there, or about to go.
        model: where the model lies that it made; None when it made none.
        waits_for: the jobs that it waits for itself.
    """

    name: str
    field: str
    state: State | None = None
    model: str | None = None
    waits_for: tuple[str, ...] = ()

    @property
    def uri(self) -> str:
        """The job as a user writes it."""
        return f"job://{self.name}"

    @property
    def has_ended_well(self) -> bool:
        """Whether it has a model to give."""
        return self.state in ("Succeeded", "EarlyStopped")


def read_origin(name: str, field: str, job: JobRecord | None) -> Origin:
    """Say what a job is to another one that names it."""
    if job is None or job.is_deleting:
        return Origin(name, field)
    waits_for = tuple(list_job_sources(job.job.spec)) if job.job and not job.is_finished else ()
    return Origin(name, field, job.status.state or "Pending", find_model(job.status), waits_for)


def find_model(status: FineTuneJobStatus) -> str | None:
    """Say where the model of a job lies, with the commit where a hub has it."""
    artifacts = status.artifacts or ()
    return next((pin_model(a) for a in artifacts if a.name == MODEL_ARTIFACT), None)


def find_fault(origin: Origin) -> Fault | None:
    """Say why no model will come from a job; None while one may."""
    remedy = f"mend {origin.name}, then apply both again, each under a new name"
    if origin.state == "Failed":
        message = f"spec.{origin.field} is {origin.uri}, but FineTuneJob {origin.name} failed"
        return Fault(reasons.ORIGIN_FAILED, message, remedy)
    if origin.has_ended_well and origin.model is None:
        message = (
            f"spec.{origin.field} is {origin.uri}, but the status of FineTuneJob {origin.name}"
            " names no model"
        )
        return Fault(reasons.ORIGIN_FAILED, message, f"name {origin.name}'s model by its place")
    return None


def describe_wait(origin: Origin, waiting: str) -> str:
    """Say what is waited for, so that nobody has to look it up.

    Args:
        origin: the job that is waited for.
        waiting: the name of the job that waits.
    """
    named = f"spec.{origin.field} is {origin.uri}"
    if origin.state is None:
        return f"{named}: there is no FineTuneJob {origin.name} in this namespace yet; apply it"
    if waiting in origin.waits_for:
        return f"{named}, which waits for this very job: one of the two must start elsewhere"
    return f"{named}: waiting for FineTuneJob {origin.name} to end, it is {origin.state}"
