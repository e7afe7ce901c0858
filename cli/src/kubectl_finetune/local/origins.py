"""job:// without a cluster: the model that a local run of that job left beside this one's folder.

`commands.run` asks before it resolves a job. What is found is linked in the place of a claim, so
the trainer reads it like any other model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from finetune_api.contract.outcomes import decode_outcome
from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_api.v1alpha1 import FineTuneJob
from finetune_api.v1alpha1.spec_sources import list_job_sources
from kubectl_finetune.errors import NotFoundError
from kubectl_finetune.local.layouts import Layout


@dataclass(frozen=True, slots=True)
class Origins:
    """The models of other jobs.

    Attributes:
        models: what each job:// stands for.
        volumes: the folders that stand for the claims that `models` names.
    """

    models: Mapping[str, str]
    volumes: Mapping[str, Path]


def find_origins(job: FineTuneJob, beside: Path) -> Origins:
    """Find the models that the local runs of other jobs made.

    Args:
        job: names the others.
        beside: the folder that holds the folders of all jobs.

    Raises:
        NotFoundError: one was not run here, or has not ended well.
    """
    named = list_job_sources(job.spec)
    return Origins(
        models={f"job://{name}": f"pvc://{_name_claim(name)}" for name in named},
        volumes={
            _name_claim(name): _find_model(name, f"spec.{field}", Layout(beside / name))
            for name, field in named.items()
        },
    )


def _name_claim(job_name: str) -> str:
    return f"job-{job_name}"


def _find_model(name: str, field: str, layout: Layout) -> Path:
    hint = f"run it first: kubectl finetune run -f FILE --name {name}"
    try:
        other = ResolvedJob.model_validate_json(layout.job_file.read_text(encoding="utf-8"))
        outcome = decode_outcome(layout.outcome_file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError(
            f"{field} is job://{name}, and no run of {name} has ended in {layout.directory}",
            hint=hint,
        ) from error
    except ValidationError as error:
        raise NotFoundError(
            f"{field} is job://{name}, and {layout.job_file} is no job of this release", hint=hint
        ) from error
    model = layout.find_path(other.output_uri)
    if outcome is None or not outcome.succeeded or not model.is_dir():
        raise NotFoundError(
            f"{field} is job://{name}, and the run of {name} in {layout.directory} made no model",
            hint=hint,
        )
    return model.resolve()
