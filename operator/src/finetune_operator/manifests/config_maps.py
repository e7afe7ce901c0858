"""The ConfigMap with the resolved job: what the trainer reads, frozen at the first attempt."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from finetune_api.contract import environment
from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_api.v1alpha1 import FineTuneJob
from finetune_operator.core import kinds, names
from finetune_operator.manifests.metadata import build_head


def build_config_map(job: FineTuneJob, resolved: ResolvedJob) -> dict[str, Any]:
    """Give the ConfigMap. Immutable: kubelets need not watch it, and nobody edits a running job."""
    content = resolved.model_dump_json(by_alias=True, exclude_none=True)
    return {
        **build_head(kinds.CONFIG_MAPS, job, names.name_config(job.metadata.name)),
        "immutable": True,
        "data": {environment.JOB_FILE_NAME: content},
    }


def read_config_map(document: Mapping[str, Any]) -> ResolvedJob | None:
    """Give the resolved job that a ConfigMap froze; None for one that this release cannot read."""
    try:
        return ResolvedJob.model_validate_json(document["data"][environment.JOB_FILE_NAME])
    except (KeyError, ValidationError):
        return None
