"""The resolved job: what the operator hands to the trainer, every default filled in and frozen.

It lies in an immutable ConfigMap, mounted as FINETUNE_JOB_FILE. A later release of the operator,
with other defaults, does not change a job that has begun.
"""

import hashlib
import json

from pydantic import Field

from finetune_api.contract import CONTRACT_VERSION, environment
from finetune_api.models import ReportedModel
from finetune_api.sources import parse_source
from finetune_api.v1alpha1.columns import Columns
from finetune_api.v1alpha1.job import FineTuneJob, FineTuneJobSpec
from finetune_api.v1alpha1.method import LEARNING_RATES
from finetune_api.v1alpha1.tasks import TASK_TRAITS, choose_roles
from finetune_api.v1alpha1.training import Training


class ResolvedJob(ReportedModel):
    """One job, ready to run."""

    version: int = CONTRACT_VERSION
    name: str
    namespace: str
    uid: str
    config_hash: str = Field(description="A hash over the resolved spec, less what may change.")
    output_uri: str = Field(description="pvc://claim/path: where the model goes.")
    checkpoints_uri: str = Field(description="pvc://claim/path: where checkpoints lie.")
    spec: FineTuneJobSpec


def resolve_job(job: FineTuneJob, *, new_claim: str | None = None) -> ResolvedJob:
    """Fill in what depends on other fields, and say where output and checkpoints go.

    Args:
        job: a valid job.
        new_claim: the claim that is made for the job where the spec names none; default: its name.
    """
    claim = new_claim or job.metadata.name
    spec = resolve_spec(job.spec)
    output_uri = spec.output.destination or f"pvc://{claim}/model"
    uid = job.metadata.uid or f"local-{hash_spec(spec)[:12]}"
    return ResolvedJob(
        name=job.metadata.name,
        namespace=job.metadata.namespace,
        uid=uid,
        config_hash=hash_spec(spec),
        output_uri=output_uri.rstrip("/"),
        checkpoints_uri=_choose_checkpoints_uri(job, output_uri, uid),
        spec=spec,
    )


def resolve_spec(spec: FineTuneJobSpec) -> FineTuneJobSpec:
    """Fill in the defaults that depend on other fields."""
    training = _resolve_training(spec)
    traits = TASK_TRAITS[spec.task]
    followed = spec.early_stopping.metric or traits.main
    measured = spec.evaluation.metrics or list(traits.metrics)
    evaluation = spec.evaluation.model_copy(
        update={
            "batch_size": spec.evaluation.batch_size or 4 * training.batch_size,
            "metrics": measured if followed in measured else [*measured, followed],
        }
    )
    dataset = spec.dataset.model_copy(update={"columns": _resolve_columns(spec)})
    return spec.model_copy(
        update={
            "dataset": dataset,
            "training": training,
            "early_stopping": spec.early_stopping.model_copy(update={"metric": followed}),
            "evaluation": evaluation,
        }
    )


def _resolve_training(spec: FineTuneJobSpec) -> Training:
    training = spec.training
    schedule = training.schedule
    has_warmup = schedule.type not in ("Constant", "ReduceOnPlateau")
    if has_warmup and schedule.warmup_ratio is None and schedule.warmup_steps is None:
        schedule = schedule.model_copy(update={"warmup_ratio": 0.06})
    rate = training.learning_rate or LEARNING_RATES[spec.method.type]
    return training.model_copy(
        update={
            "epochs": training.epochs if training.epochs or training.max_steps else 3,
            "learning_rate": rate,
            "head_learning_rate": training.head_learning_rate or rate,
            "schedule": schedule,
        }
    )


def _resolve_columns(spec: FineTuneJobSpec) -> Columns:
    """Name the column of every role that the task reads; the text of a template is none."""
    named = spec.dataset.columns.named
    roles = choose_roles(spec.task, named)
    made = {"text"} if spec.dataset.text_template else set()
    chosen = {role: named.get(role, role) for role in roles if role not in made}
    return Columns.model_validate(chosen)


def hash_spec(spec: FineTuneJobSpec) -> str:
    """Give the SHA-256 of a resolved spec, less the fields that may change while it runs."""
    content = spec.model_dump(
        mode="json", by_alias=True, exclude={"suspend", "ttl_seconds_after_finished"}
    )
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _choose_checkpoints_uri(job: FineTuneJob, output_uri: str, uid: str) -> str:
    """Put checkpoints where no other job's lie: a claim may be shared, and names come back."""
    volume = job.spec.checkpoints.volume
    if volume is not None and volume.claim_name:
        claim = volume.claim_name
    elif volume is not None:
        claim = checkpoint_claim_name(job.metadata.name)
    else:
        claim = parse_source(output_uri).name
    return f"pvc://{claim}/checkpoints/{job.metadata.name}-{uid[:18]}"


def checkpoint_claim_name(job_name: str) -> str:
    """Name the claim that is made for spec.checkpoints.volume.size."""
    return f"{job_name}-checkpoints"


def mount_path(claim: str) -> str:
    """Say where a claim is mounted in a pod."""
    return f"{environment.VOLUMES_DIRECTORY}/{claim}"
