"""Job files, reports and endings for tests of the command line."""

import io
from pathlib import Path
from typing import Any

from rich.console import Console
from ruamel.yaml import YAML

from finetune_api.contract.outcomes import Outcome
from finetune_api.contract.progress import ProgressReport
from finetune_api.contract.resolved_jobs import ResolvedJob, resolve_job
from finetune_api.v1alpha1 import parse_job
from manifests import build_manifest

LOCAL_SOURCES: dict[str, Any] = {
    "spec.model": {"source": "file:///models/tiny"},
    "spec.dataset": {"train": {"source": "file:///data/train.csv"}},
    "spec.resources": {"gpusPerNode": 0},
}


def build_job(changes: dict[str, Any] | None = None) -> ResolvedJob:
    """Give a resolved job that needs no claim but its own."""
    return resolve_job(parse_job(build_manifest(LOCAL_SOURCES | (changes or {}))))


def write_job_file(file: Path, changes: dict[str, Any] | None = None) -> Path:
    """Write the YAML of a job that needs no claim but its own."""
    with file.open("w", encoding="utf-8") as stream:
        YAML().dump(build_manifest(LOCAL_SOURCES | (changes or {})), stream)
    return file


def build_report(**fields: Any) -> ProgressReport:
    """Give a report with some fields set, in camelCase."""
    required = {"jobUid": "local-1", "attempt": 1, "reportTime": "2026-01-01T00:00:00Z"}
    return ProgressReport.model_validate(required | fields)


def build_outcome(**fields: Any) -> Outcome:
    """Give the outcome of a trainer that is done, with some fields set, in camelCase."""
    done = {"exitCode": 0, "succeeded": True, "reason": "Succeeded"}
    return Outcome.model_validate(done | fields)


def record_console(*, terminal: bool = False, width: int = 100) -> tuple[Console, io.StringIO]:
    """Give a console and what is written to it."""
    written = io.StringIO()
    console = Console(
        file=written,
        width=width,
        force_terminal=terminal,
        no_color=True,
        highlight=False,
        _environ={"TERM": "xterm"},  # the tests' own terminal may be a dumb one
    )
    return console, written
