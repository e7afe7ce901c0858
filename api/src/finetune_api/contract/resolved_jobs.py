"""The resolved job: what the operator hands to the trainer, every default filled in and frozen.

It lies in an immutable ConfigMap, mounted as FINETUNE_JOB_FILE. A later release of the operator,
with other defaults, does not change a job that has begun.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from pydantic import BaseModel, Field

from finetune_api.contract import CONTRACT_VERSION, environment
from finetune_api.models import ReportedModel
from finetune_api.rules import look_up
from finetune_api.sources import is_remote, parse_source
from finetune_api.v1alpha1.columns import Columns
from finetune_api.v1alpha1.job import FineTuneJob, FineTuneJobSpec
from finetune_api.v1alpha1.method import LEARNING_RATES
from finetune_api.v1alpha1.spec_rules import needs_credentials
from finetune_api.v1alpha1.spec_sources import MODEL_FIELDS
from finetune_api.v1alpha1.status import Artifact
from finetune_api.v1alpha1.tasks import TASK_TRAITS, choose_roles
from finetune_api.v1alpha1.training import Training

_PINNED = re.compile(r"(?P<uri>hf://.+)@(?P<revision>[0-9a-f]{40})")
_NOTHING: Mapping[str, str] = MappingProxyType({})
Part = TypeVar("Part", bound=BaseModel)


class ResolvedJob(ReportedModel):
    """One job, ready to run."""

    version: int = CONTRACT_VERSION
    name: str
    namespace: str
    uid: str
    config_hash: str = Field(description="A hash over the resolved spec, less what may change.")
    output_uri: str = Field(description="pvc://claim/path: where the model is sealed.")
    publish_uri: str | None = Field(
        default=None, description="s3:// or hf://: where the sealed model is published."
    )
    checkpoints_uri: str = Field(description="pvc://claim/path: where checkpoints lie.")
    spec: FineTuneJobSpec


def resolve_job(job: FineTuneJob, *, models: Mapping[str, str] = _NOTHING) -> ResolvedJob:
    """Fill in what depends on other fields, and say where output and checkpoints go.

    Args:
        job: a valid job.
        models: what each job://… stands for, as `pin_model` writes it; the rest is left as it is.
    """
    spec = resolve_spec(job.spec)
    uid = job.metadata.uid or f"local-{hash_spec(spec)[:12]}"
    destination = spec.output.destination
    checkpoints_uri = _choose_checkpoints_uri(job, uid)
    if destination is None:
        output_uri = f"pvc://{job.metadata.name}/model"
    elif is_remote(destination):
        # Sealed beside the checkpoints first: what is uploaded twice must be the same twice.
        output_uri = checkpoints_uri.replace("/checkpoints/", "/models/", 1)
    else:
        output_uri = destination
    return ResolvedJob(
        name=job.metadata.name,
        namespace=job.metadata.namespace,
        uid=uid,
        config_hash=hash_spec(spec),
        output_uri=output_uri.rstrip("/"),
        publish_uri=destination.rstrip("/") if destination and is_remote(destination) else None,
        checkpoints_uri=checkpoints_uri,
        spec=_put_models(spec, models),
    )


def pin_model(artifact: Artifact) -> str:
    """Say where a model lies, with the commit where it lies on a hub."""
    pinned = f"{artifact.uri}@{artifact.revision}"
    return pinned if _PINNED.fullmatch(pinned) else artifact.uri


def _put_models(spec: FineTuneJobSpec, models: Mapping[str, str]) -> FineTuneJobSpec:
    """Put the models that other jobs made in the place of the job:// that names them."""
    for path in MODEL_FIELDS:
        place = models.get(str(look_up(spec, path)))
        if place is None:
            continue
        pinned = _PINNED.fullmatch(place)
        spec = _replace(spec, path.split("."), pinned["uri"] if pinned else place)
        if pinned and path == "model.source":
            spec = _replace(spec, ["model", "revision"], pinned["revision"])
    if not needs_credentials(spec):  # the other job's model lies on a claim: nothing to open
        spec = _replace(spec, ["model", "credentials_secret_name"], None)
    return spec


def _replace(part: Part, path: Sequence[str], value: object) -> Part:
    """Give a copy with one field changed, by its path in YAML."""
    first, rest = path[0], path[1:]
    fields = type(part).model_fields
    name = next((key for key, field in fields.items() if field.alias == first), first)
    changed = _replace(getattr(part, name), rest, value) if rest else value
    return part.model_copy(update={name: changed})


def resolve_spec(spec: FineTuneJobSpec) -> FineTuneJobSpec:
    """Fill in the defaults that depend on other fields."""
    training = _resolve_training(spec)
    traits = TASK_TRAITS[spec.task]
    followed = spec.early_stopping.metric or traits.main
    gate = spec.evaluation.gate
    if gate is not None:
        gate = gate.model_copy(update={"metric": gate.metric or followed})
    judged = [followed, *([gate.metric] if gate and gate.metric else [])]
    measured = spec.evaluation.metrics or list(traits.metrics)
    evaluation = spec.evaluation.model_copy(
        update={
            "batch_size": spec.evaluation.batch_size or 4 * training.batch_size,
            "metrics": list(dict.fromkeys([*measured, *judged])),
            "gate": gate,
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


def _choose_checkpoints_uri(job: FineTuneJob, uid: str) -> str:
    """Put checkpoints where no other job's lie: a claim may be shared, and names come back."""
    volume, destination = job.spec.checkpoints.volume, job.spec.output.destination
    if volume is not None and volume.claim_name:
        claim = volume.claim_name
    elif needs_checkpoint_claim(job.spec):
        claim = checkpoint_claim_name(job.metadata.name)
    else:
        claim = parse_source(destination).name if destination else job.metadata.name
    return f"pvc://{claim}/checkpoints/{job.metadata.name}-{uid[:18]}"


def needs_checkpoint_claim(spec: FineTuneJobSpec) -> bool:
    """Tell whether a claim for checkpoints alone is made; it goes with the job."""
    volume, destination = spec.checkpoints.volume, spec.output.destination
    if volume is not None:
        return volume.claim_name is None
    return destination is not None and is_remote(destination)


def checkpoint_claim_name(job_name: str) -> str:
    """Name the claim that is made for the checkpoints of a job."""
    return f"{job_name}-checkpoints"


def mount_path(claim: str) -> str:
    """Say where a claim is mounted in a pod."""
    return f"{environment.VOLUMES_DIRECTORY}/{claim}"
