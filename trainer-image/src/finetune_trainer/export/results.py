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
from finetune_trainer.sealing import BrokenSealError, is_plain_file, read_manifest

RESULT_NAME = "result.json"
METRICS_NAME = "metrics.json"
FOLDS_NAME = "folds.json"
"""Only of a job with cross-validation."""
SLICES_NAME = "slices.json"
PROBES_NAME = "probes.json"
REJECTED_NAME = "rejected-model"
"""The folder of a model that evaluation.gate has turned down."""


class Result(ReportedModel):
    """What a finished job says about itself."""

    job_name: str
    job_uid: str
    config_hash: str
    attempt: int
    report: ProgressReport
    complaints: tuple[str, ...] = ()
    """Why the model was not published; it lies beside the checkpoints then."""


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
        is_plain_file(output / name) and (output / name).stat().st_size == entry["bytes"]
        for name, entry in sealed.files.items()
    )
    return result if whole else None


def list_artifacts(output: Path, job: ResolvedJob, revision: str | None = None) -> list[Artifact]:
    """Name what the job leaves, with its size and the hash of its manifest.

    Args:
        output: where the model was sealed.
        job: what was asked for.
        revision: the commit, of a model that was published on a hub.
    """
    found = _list_files("model", output, job.publish_uri or job.output_uri, job)
    return [found[0].model_copy(update={"revision": revision}), *found[1:]]


def list_sealed(output: Path, job: ResolvedJob) -> list[Artifact]:
    """Name what is left of a job whose model is done, but could not be published."""
    return _list_files("model", output, job.output_uri, job)


def list_rejected(rejected: Path, job: ResolvedJob) -> list[Artifact]:
    """Name what is left of a job whose model was not published."""
    return _list_files(REJECTED_NAME, rejected, name_rejected(job), job)


def name_rejected(job: ResolvedJob) -> str:
    """Say where a model that was not published lies, as a source that another job can name."""
    return f"{job.checkpoints_uri}/{REJECTED_NAME}"


def _list_files(name: str, folder: Path, uri: str, job: ResolvedJob) -> list[Artifact]:
    sealed = read_manifest(folder, RESULT_NAME)
    reports = {
        "metrics": METRICS_NAME,
        "folds": FOLDS_NAME,
        "slices": SLICES_NAME,
        "probes": PROBES_NAME,
    }
    return [
        Artifact(name=name, uri=uri, sha256=sealed.sha256, bytes=sealed.bytes),
        *(
            Artifact(
                name=report,
                uri=f"{uri}/{file}",
                sha256=sealed.files[file]["sha256"],
                bytes=sealed.files[file]["bytes"],
            )
            for report, file in reports.items()
            if file in sealed.files
        ),
        Artifact(name="checkpoints", uri=job.checkpoints_uri),
    ]
