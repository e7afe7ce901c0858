"""What a tracker is told about a job: its hyper-parameters and its tags, and no secret. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_api.v1alpha1.status import Resolved
from finetune_trainer.tracking.records import Facts

MAX_VALUE_LENGTH = 500
"""What every release of MLflow takes."""
TAG_PREFIX = "finetune.dev/"
UID_TAG = f"{TAG_PREFIX}job-uid"
ATTEMPT_TAG = f"{TAG_PREFIX}attempt"
_NO_PARAMETERS = ("tracking", "suspend", "ttlSecondsAfterFinished", "imagePullSecretNames")
_NAMES_A_SECRET = "credentialsSecretName"


def describe_job(job: ResolvedJob, resolved: Resolved | None, attempt: int) -> Facts:
    """Say what a run is about.

    Args:
        job: the resolved job.
        resolved: what it really runs with, such as the commit of the model.
        attempt: its number, from 1.
    """
    found = resolved or Resolved()
    tags = {
        "job-name": job.name,
        "job-namespace": job.namespace,
        "job-uid": job.uid,
        "config-hash": job.config_hash,
        "attempt": str(attempt),
        "task": job.spec.task,
        "method": job.spec.method.type,
        "model": job.spec.model.source,
        "model-revision": found.model_revision,
        "dataset": job.spec.dataset.train.source,
        "dataset-fingerprint": found.dataset_fingerprint,
    }
    content = job.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    wanted = {name: part for name, part in content.items() if name not in _NO_PARAMETERS}
    return Facts(
        name=job.name,
        uid=job.uid,
        experiment=f"{job.namespace}/{job.name}",
        parameters=dict(flatten(wanted)),
        tags={f"{TAG_PREFIX}{name}": value for name, value in tags.items() if value},
    )


def flatten(content: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Give every value with its path, such as `training.learningRate`; long ones are cut."""
    for name, value in content.items():
        if name == _NAMES_A_SECRET:
            continue
        if isinstance(value, dict):
            yield from flatten(value, f"{path}{name}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield f"{path}{name}", _shorten(text)


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_VALUE_LENGTH else text[: MAX_VALUE_LENGTH - 1] + "…"
