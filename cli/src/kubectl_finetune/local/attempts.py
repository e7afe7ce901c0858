"""One attempt to train: its number, its files, and the environment that the trainer reads.

A local run keeps the contract of a pod (`finetune_api.contract.environment`), so the trainer cannot
tell the difference. `runs` is the only caller.
"""

import contextlib
import platform
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from finetune_api.contract.environment import Variable
from finetune_api.contract.outcomes import Outcome, decode_outcome
from finetune_api.contract.resolved_jobs import ResolvedJob
from kubectl_finetune.local.layouts import Layout
from kubectl_finetune.local.machines import Machine, choose_millicores

LOOPBACK = "127.0.0.1"
GRACE_SECONDS = 600  # nobody kills a local run, so its last checkpoint may take its time


@dataclass(frozen=True, slots=True)
class Attempt:
    """One start of the trainer.

    Attributes:
        number: from 1; goes up while the job stays the same.
        job_uid: whose reports are listened to.
        report_port: where the trainer serves its progress on 127.0.0.1.
        log_offset: where in trainer.log this attempt begins, in bytes.
    """

    number: int
    job_uid: str
    report_port: int
    log_offset: int


def find_finished_outcome(layout: Layout, job: ResolvedJob) -> Outcome | None:
    """Give the outcome of an earlier run that finished this very job."""
    if _read_config_hash(layout) != job.config_hash or not layout.outcome_file.exists():
        return None
    outcome = decode_outcome(layout.outcome_file.read_text(encoding="utf-8"))
    return outcome if outcome is not None and outcome.succeeded else None


def begin_attempt(layout: Layout, job: ResolvedJob) -> Attempt:
    """Write the files that the trainer reads, and count."""
    number = 1
    if _read_config_hash(layout) == job.config_hash:
        with contextlib.suppress(FileNotFoundError, ValueError):
            number = int(layout.attempt_file.read_text(encoding="ascii")) + 1
    layout.attempt_file.write_text(f"{number}\n", encoding="ascii")
    layout.job_file.write_text(
        job.model_dump_json(by_alias=True, exclude_none=True, indent=2) + "\n", encoding="utf-8"
    )
    layout.outcome_file.unlink(missing_ok=True)  # the last word of an earlier attempt is not ours
    log_offset = layout.trainer_log.stat().st_size if layout.trainer_log.exists() else 0
    return Attempt(number, job.uid, _find_free_port(), log_offset)


def build_environment(
    layout: Layout,
    job: ResolvedJob,
    attempt: Attempt,
    machine: Machine,
    inherited: Mapping[str, str],
) -> dict[str, str]:
    """Give the environment of the trainer: ours, and the variables of the contract."""
    contract: dict[Variable, object] = {
        Variable.JOB_FILE: layout.job_file,
        Variable.VOLUMES_DIRECTORY: layout.volumes,
        Variable.CONFIG_MAPS_DIRECTORY: layout.config_maps,
        Variable.SCRATCH_DIRECTORY: layout.scratch,
        Variable.TERMINATION_LOG: layout.outcome_file,
        Variable.ATTEMPT: attempt.number,
        Variable.POD_NAME: f"{job.name}-{attempt.number}",
        Variable.POD_UID: f"{job.uid}-{attempt.number}",
        Variable.NODE_NAME: platform.node() or "localhost",
        Variable.REPORT_ADDRESS: LOOPBACK,
        Variable.REPORT_PORT: attempt.report_port,
        Variable.GRACE_SECONDS: GRACE_SECONDS,
        Variable.CPU_LIMIT_MILLICORES: choose_millicores(job.spec, machine),
    }
    # A pod that asks for no GPU gets none, whatever its node has.
    hidden = {} if job.spec.resources.gpus_per_node else {"CUDA_VISIBLE_DEVICES": ""}
    return {
        **inherited,
        **hidden,
        "PYTHONUNBUFFERED": "1",
        **{variable.value: str(value) for variable, value in contract.items()},
    }


def _read_config_hash(layout: Layout) -> str | None:
    try:
        text = layout.job_file.read_text(encoding="utf-8")
        return ResolvedJob.model_validate_json(text).config_hash
    except (FileNotFoundError, ValidationError):
        return None


def _find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
