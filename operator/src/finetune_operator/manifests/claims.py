"""The volume claims that the operator makes where a job names none."""

from typing import Any

from finetune_api.contract.resolved_jobs import checkpoint_claim_name, needs_checkpoint_claim
from finetune_api.v1alpha1 import FineTuneJob
from finetune_operator.core import kinds
from finetune_operator.core.settings import Settings
from finetune_operator.manifests.metadata import build_head


def build_claims(job: FineTuneJob, settings: Settings) -> list[dict[str, Any]]:
    """Give the claims that the job needs and does not bring."""
    claims = []
    if job.spec.output.destination is None:
        # Not owned: deleting a job must not delete the model it made.
        head = build_head(kinds.CLAIMS, job, job.metadata.name, is_owned=False)
        size, storage_class = settings.default_claim_size, settings.default_claim_class
        claims.append(head | _build_spec(size, storage_class, settings))
    if needs_checkpoint_claim(job.spec):
        head = build_head(kinds.CLAIMS, job, checkpoint_claim_name(job.metadata.name))
        size, storage_class = settings.default_claim_size, settings.default_claim_class
        if volume := job.spec.checkpoints.volume:
            size, storage_class = str(volume.size), volume.storage_class_name or ""
        claims.append(head | _build_spec(size, storage_class, settings))
    return claims


def _build_spec(size: str, storage_class: str, settings: Settings) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "accessModes": [settings.default_claim_access_mode],
        "resources": {"requests": {"storage": size}},
    }
    if storage_class:
        spec["storageClassName"] = storage_class
    return {"spec": spec}
