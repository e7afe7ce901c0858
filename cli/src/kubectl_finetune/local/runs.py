"""A whole local run, from the resolved job to its ending. The command `run` is the caller.

Level-triggered like the operator: what lies in the folder decides what is done. A finished job is
not trained again, an unfinished one goes on from its newest checkpoint.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from finetune_api.contract.outcomes import Outcome, decode_outcome
from finetune_api.contract.resolved_jobs import ResolvedJob
from kubectl_finetune.local.attempts import (
    Attempt,
    begin_attempt,
    build_environment,
    find_finished_outcome,
)
from kubectl_finetune.local.config_maps import Content
from kubectl_finetune.local.endings import Ending, judge_ending
from kubectl_finetune.local.followers import View, follow
from kubectl_finetune.local.interrupts import Interrupts
from kubectl_finetune.local.layouts import Layout, forget_earlier_attempts, lay_out
from kubectl_finetune.local.locks import lock_directory
from kubectl_finetune.local.machines import Machine
from kubectl_finetune.local.reports import ReportReader
from kubectl_finetune.local.trainers import TRAINER_COMMAND, read_log_tail, start_trainer

LOG_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Run:
    """What to run, and where.

    Attributes:
        job: with all defaults.
        layout: the folder of the job.
        machine: what this machine has.
        volumes: the folders that stand for claims, by claim.
        config_maps: what stands for ConfigMaps, by name.
        fresh: forget what earlier attempts left.
        trainer_command: how the trainer is started.
    """

    job: ResolvedJob
    layout: Layout
    machine: Machine
    volumes: Mapping[str, Path] = field(default_factory=dict)
    config_maps: Mapping[str, Content] = field(default_factory=dict)
    fresh: bool = False
    trainer_command: Sequence[str] = TRAINER_COMMAND


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run.

    Attributes:
        ending: how it ended.
        log_tail: the last lines of the trainer's log.
        is_old: whether an earlier run had finished the job, so that nothing was done.
    """

    ending: Ending
    log_tail: tuple[str, ...] = ()
    is_old: bool = False


def train(run: Run, view: View) -> Result:
    """Train, or go on training, until the trainer ends or the user stops it.

    Raises:
        BusyError: another run writes to the same folder.
        NotFoundError: a source lies where no folder stands for it here.
    """
    run.layout.directory.mkdir(parents=True, exist_ok=True)
    with lock_directory(run.layout.lock_file) as lock, Interrupts() as interrupts:
        lay_out(run.layout, run.job, run.volumes, run.config_maps)
        if run.fresh:
            forget_earlier_attempts(run.layout, run.job)
        if finished := find_finished_outcome(run.layout, run.job):
            return Result(Ending(finished, exit_code=0), is_old=True)
        attempt = begin_attempt(run.layout, run.job)
        environment = build_environment(run.layout, run.job, attempt, run.machine, os.environ)
        with start_trainer(
            run.trainer_command, environment=environment, layout=run.layout, lock=lock
        ) as trainer:
            exit_code, last_report = follow(trainer, ReportReader(attempt).read, view, interrupts)
        ending = judge_ending(exit_code, _read_outcome(run.layout), last_report, interrupts)
    if ending.outcome.report is not None:
        view.show(ending.outcome.report)  # what came after the last look
    return Result(ending, _read_log_tail(run.layout, attempt))


def _read_outcome(layout: Layout) -> Outcome | None:
    if not layout.outcome_file.exists():
        return None
    return decode_outcome(layout.outcome_file.read_text(encoding="utf-8", errors="replace"))


def _read_log_tail(layout: Layout, attempt: Attempt) -> tuple[str, ...]:
    return read_log_tail(layout.trainer_log, offset=attempt.log_offset, lines=LOG_TAIL_LINES)
