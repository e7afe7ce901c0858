"""The FineTuneJob: metadata, spec and status, and the rules that span several parts."""

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from finetune_api.models import ApiModel, ReportedModel
from finetune_api.rules import Rule, look_up
from finetune_api.v1alpha1.checkpoints import Checkpoints
from finetune_api.v1alpha1.dataset import Dataset
from finetune_api.v1alpha1.effects import build_effect_rules
from finetune_api.v1alpha1.evaluation import Evaluation
from finetune_api.v1alpha1.fields import KubernetesName, UniqueList
from finetune_api.v1alpha1.method import Method
from finetune_api.v1alpha1.placement import (
    Distribution,
    Output,
    Resources,
    Retries,
    Scheduling,
)
from finetune_api.v1alpha1.pretrained import PretrainedModel
from finetune_api.v1alpha1.spec_rules import SPEC_RULES
from finetune_api.v1alpha1.spec_sources import MODEL_FIELDS
from finetune_api.v1alpha1.status import FineTuneJobStatus
from finetune_api.v1alpha1.tasks import TaskName
from finetune_api.v1alpha1.tracking import Tracking
from finetune_api.v1alpha1.training import EarlyStopping, Training

GROUP = "finetune.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "FineTuneJob"
PLURAL = "finetunejobs"
MAX_NAME_LENGTH = 50
"""A Job, its pods and their labels append to the name and must stay within 63 characters."""
NAME_PATTERN = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"

MUTABLE_FIELDS = frozenset({"suspend", "ttlSecondsAfterFinished"})
"""What may be changed after creation; with anything else the status would lie."""

ImageName = Annotated[
    str,
    Field(min_length=1, max_length=512, pattern=r"^[A-Za-z0-9]([A-Za-z0-9._:/@-]*[A-Za-z0-9])?$"),
]


class FineTuneJobSpec(ApiModel):
    """What to fine-tune, on what, how, and where."""

    task: TaskName = Field(
        description="What the model shall learn to do; it decides the output layer and the metrics."
    )
    model: PretrainedModel = Field(description="The pre-trained model to start from.")
    dataset: Dataset = Field(description="What to learn from, validate on and test with.")
    method: Method = Field(default=Method(), description="Which weights move.")
    training: Training = Field(
        default=Training(), description="The recipe: epochs, batch, learning rates, schedule."
    )
    early_stopping: EarlyStopping = Field(
        default=EarlyStopping(), description="When to stop before the last epoch. On by default."
    )
    evaluation: Evaluation = Field(default=Evaluation(), description="What is measured, and when.")
    checkpoints: Checkpoints = Field(
        default=Checkpoints(),
        description="What a restarted, preempted or resumed attempt continues from.",
    )
    output: Output = Field(default=Output(), description="Where the model goes.")
    resources: Resources = Field(
        default=Resources(),
        description="What each training pod asks for, and how many there are.",
    )
    distribution: Distribution = Field(
        default=Distribution(), description="How several processes share one training."
    )
    scheduling: Scheduling = Field(
        default=Scheduling(), description="Which nodes the training pod may run on."
    )
    image: ImageName | None = Field(
        default=None,
        description=(
            "A trainer image other than the platform's. The platform decides which prefixes are"
            " allowed."
        ),
    )
    image_pull_secret_names: UniqueList[KubernetesName] = Field(
        default=[],
        max_length=10,
        description="Secrets of this namespace for pulling the image.",
    )
    tracking: Tracking = Field(
        default=Tracking(),
        description="Where the training can be followed besides the status: TensorBoard, MLflow.",
    )
    retries: Retries = Field(
        default=Retries(), description="How often a failed attempt is repeated."
    )
    active_deadline_seconds: int | None = Field(
        default=None,
        ge=10,
        le=31_536_000,
        description=(
            "Fail with DeadlineExceeded when the job was active for so long, all attempts together."
            " The time queued or suspended does not count."
        ),
    )
    stall_timeout_seconds: int = Field(
        default=1800,
        ge=0,
        le=604_800,
        description=(
            "End an attempt with TrainingStalled, and retry it, when it showed no sign of life for"
            " so long: no step, no evaluated batch, and in phases without steps no work of the"
            " process either. It must be longer than the slowest step. 0 turns it off."
        ),
    )
    suspend: bool = Field(
        default=False,
        description=(
            "true stops the training pod after a checkpoint; false goes on from there. May be"
            " changed."
        ),
    )
    ttl_seconds_after_finished: int | None = Field(
        default=None,
        ge=0,
        le=315_360_000,
        description=(
            "Delete the job so long after its end; the model stays. Unset keeps it. Under GitOps"
            " leave it unset: a deleted job would be created and trained again. May be changed."
        ),
    )

    rules: ClassVar[tuple[Rule, ...]] = (*SPEC_RULES, *build_effect_rules())


class JobMetadata(ReportedModel):
    """The part of metadata that this project reads."""

    name: str
    namespace: str = "default"
    uid: str = ""
    generation: int = 1
    labels: dict[str, str] = Field(default={})
    annotations: dict[str, str] = Field(default={})


def _refuse_itself(field: str) -> Rule:
    """A job that waits for its own model would wait for ever."""
    path = f"spec.{field}"
    parts = path.split(".")
    given = " && ".join(f"has(self.{'.'.join(parts[:n])})" for n in range(2, len(parts) + 1))
    return Rule(
        cel=f"!({given}) || self.{path} != 'job://' + self.metadata.name",
        holds=lambda job: look_up(job, path) != f"job://{job.metadata.name}",
        message=f"{path} is {{{path}}}, which is this very job: name another one",
    )


class FineTuneJob(ApiModel):
    """Fine-tunes a pre-trained model and tells how it went."""

    model_config = ConfigDict(extra="forbid")

    api_version: Literal["finetune.dev/v1alpha1"] = Field(
        description="Always finetune.dev/v1alpha1."
    )
    kind: Literal["FineTuneJob"] = Field(description="Always FineTuneJob.")
    metadata: JobMetadata = Field(description="Name, namespace and labels.")
    spec: FineTuneJobSpec = Field(description="What to fine-tune, on what, how, and where.")
    status: FineTuneJobStatus | None = Field(
        default=None, description="How it goes; written by the operator alone."
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel=f"size(self.metadata.name) <= {MAX_NAME_LENGTH}",
            holds=lambda job: len(job.metadata.name) <= MAX_NAME_LENGTH,
            message="metadata.name {metadata.name} is too long: at most "
            + f"{MAX_NAME_LENGTH} characters",
        ),
        Rule(
            cel="self.metadata.name.matches(r'^[a-z]([-a-z0-9]*[a-z0-9])?$')",
            holds=lambda job: _is_name(job.metadata.name),
            message=(
                "metadata.name {metadata.name} must begin with a letter and hold only lower-case"
                " letters, digits and dashes"
            ),
        ),
        *(_refuse_itself(field) for field in MODEL_FIELDS),
    )


def _is_name(name: str) -> bool:
    return re.fullmatch(NAME_PATTERN, name) is not None


def parse_job(manifest: dict[str, Any]) -> FineTuneJob:
    """Read a manifest as the API server would: camelCase only, unknown fields refused.

    Raises:
        pydantic.ValidationError: names every offending field; `errors.describe` puts it in words.
    """
    return FineTuneJob.model_validate(manifest, by_alias=True, by_name=False)
