"""The volume claims that the operator makes where a job names none, and what several pods need."""

from collections.abc import Mapping
from typing import Any

from finetune_api.contract.resolved_jobs import checkpoint_claim_name, needs_checkpoint_claim
from finetune_api.v1alpha1 import FineTuneJob
from finetune_operator.core import kinds
from finetune_operator.core.settings import Settings
from finetune_operator.manifests.metadata import build_head

SHARED_MODE, SHARED_READ_MODE = "ReadWriteMany", "ReadOnlyMany"


def build_claims(job: FineTuneJob, settings: Settings) -> list[dict[str, Any]]:
    """Give the claims that the job needs and does not bring."""
    claims = []
    if job.spec.output.destination is None:
        # Not owned: deleting a job must not delete the model it made.
        head = build_head(kinds.CLAIMS, job, job.metadata.name, is_owned=False)
        size, storage_class = settings.default_claim_size, settings.default_claim_class
        claims.append(head | _build_spec(size, storage_class, _choose_mode(job, settings)))
    if needs_checkpoint_claim(job.spec):
        head = build_head(kinds.CLAIMS, job, checkpoint_claim_name(job.metadata.name))
        size, storage_class = settings.default_claim_size, settings.default_claim_class
        if volume := job.spec.checkpoints.volume:
            size, storage_class = str(volume.size), volume.storage_class_name or ""
        claims.append(head | _build_spec(size, storage_class, _choose_mode(job, settings)))
    return claims


def _choose_mode(job: FineTuneJob, settings: Settings) -> str:
    return SHARED_MODE if job.spec.resources.nodes > 1 else settings.default_claim_access_mode


def _build_spec(size: str, storage_class: str, access_mode: str) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "accessModes": [access_mode],
        "resources": {"requests": {"storage": size}},
    }
    if storage_class:
        spec["storageClassName"] = storage_class
    return {"spec": spec}


def explain_unshared(claim: Mapping[str, Any], *, is_written: bool) -> str | None:
    """Say why pods on several nodes cannot all mount a claim; None when they can.

    The leader alone writes, but all mount it where they find its checkpoints.
    """
    spec, status = claim["spec"], claim.get("status") or {}
    modes = list(dict.fromkeys([*spec.get("accessModes", ()), *status.get("accessModes", ())]))
    wanted = {SHARED_MODE} if is_written else {SHARED_MODE, SHARED_READ_MODE}
    if wanted & set(modes):
        return None
    what = "reads from and writes to" if is_written else "reads"
    return (
        f"claim {claim['metadata']['name']}, which the job {what}, is {', '.join(modes)}: pods on"
        f" several nodes need {' or '.join(sorted(wanted))}; name another claim, or set"
        " resources.nodes: 1"
    )
