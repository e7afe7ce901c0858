"""result.json: the seal on an exported model, and how a restarted attempt knows that all is done.

A pod can be killed after the export and before its exit. The next attempt finds the seal of its own
job and succeeds at once. `run` asks first of all, `exporters` writes it last of all.
"""

from pathlib import Path

from pydantic import ValidationError

from finetune_api.contract.progress import ProgressReport
from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_api.models import ReportedModel
from finetune_api.v1alpha1.status import Artifact
from finetune_trainer.sealing import BrokenSealError, read_manifest

RESULT_NAME = "result.json"


class Result(ReportedModel):
    """What a finished job says about itself."""

    job_name: str
    job_uid: str
    config_hash: str
    attempt: int
    report: ProgressReport


def find_result(output: Path, job: ResolvedJob) -> Result | None:
    """Find the seal of this very job; None when the model is still to be made.

    The sizes of all files are compared, their hashes are not: the folder was renamed whole.
    """
    try:
        sealed = read_manifest(output, RESULT_NAME)
        result = Result.model_validate(sealed.about)
    except (BrokenSealError, ValidationError):
        return None
    if (result.job_uid, result.config_hash) != (job.uid, job.config_hash):
        return None
    whole = all(
        (output / name).is_file() and (output / name).stat().st_size == entry["bytes"]
        for name, entry in sealed.files.items()
    )
    return result if whole else None


def list_artifacts(output: Path, job: ResolvedJob) -> list[Artifact]:
    """Name what the job leaves, with its size and the hash of its manifest."""
    sealed = read_manifest(output, RESULT_NAME)
    metrics = sealed.files.get("metrics.json", {})
    return [
        Artifact(name="model", uri=job.output_uri, sha256=sealed.sha256, bytes=sealed.bytes),
        Artifact(
            name="metrics",
            uri=f"{job.output_uri}/metrics.json",
            sha256=metrics.get("sha256"),
            bytes=metrics.get("bytes"),
        ),
        Artifact(name="checkpoints", uri=job.checkpoints_uri),
    ]
