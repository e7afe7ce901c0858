from pathlib import Path
from typing import Any

import pytest

from cli_builders import LOCAL_SOURCES, build_job, build_outcome
from finetune_api.contract.outcomes import Outcome
from finetune_api.v1alpha1 import FineTuneJob, parse_job
from kubectl_finetune.errors import NotFoundError
from kubectl_finetune.local.layouts import Layout
from kubectl_finetune.local.origins import find_origins
from manifests import build_manifest

STARTS_FROM: dict[str, Any] = {**LOCAL_SOURCES, "spec.model": {"source": "job://domain"}}


def a_job() -> FineTuneJob:
    return parse_job(build_manifest(STARTS_FROM))


def leave_run(folder: Path, outcome: Outcome) -> Path:
    """Leave what a local run of the job `domain` leaves."""
    job = build_job({"metadata.name": "domain"})
    layout = Layout(folder / "domain")
    model = layout.find_path(job.output_uri)
    model.mkdir(parents=True)
    layout.job_file.write_text(job.model_dump_json(by_alias=True, exclude_none=True))
    layout.outcome_file.write_text(outcome.model_dump_json(by_alias=True, exclude_none=True))
    return model


def test_the_model_of_a_local_run_beside_this_one_is_found(tmp_path: Path) -> None:
    model = leave_run(tmp_path, build_outcome())

    origins = find_origins(a_job(), tmp_path)

    assert origins.models == {"job://domain": "pvc://job-domain"}
    assert origins.volumes == {"job-domain": model.resolve()}


def test_a_job_that_was_not_run_here_is_told_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"spec\.model\.source is job://domain, and no") as told:
        find_origins(a_job(), tmp_path)

    assert told.value.hint == "run it first: kubectl finetune run -f FILE --name domain"


def test_a_run_that_failed_made_no_model(tmp_path: Path) -> None:
    leave_run(tmp_path, build_outcome(exitCode=65, succeeded=False, reason="BadData"))

    with pytest.raises(NotFoundError, match="made no model"):
        find_origins(a_job(), tmp_path)


def test_a_job_that_names_no_other_needs_none(tmp_path: Path) -> None:
    origins = find_origins(parse_job(build_manifest(LOCAL_SOURCES)), tmp_path)

    assert (origins.models, origins.volumes) == ({}, {})
