"""The trainer as a process: `python -m finetune_trainer`.

Reads the job, runs it, and says how it went in two ways that must agree: the exit code and the
outcome in the termination log. This is the only place that knows exit codes, and the only one that
catches everything: whatever happens, the operator gets a reason.
"""

import logging
import os
import sys
from collections.abc import Mapping
from functools import partial

from pydantic import ValidationError

from finetune_api.contract.outcomes import Outcome
from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_api.errors import describe_errors
from finetune_trainer import outcomes, runtime
from finetune_trainer.distribution import groups
from finetune_trainer.distribution.launching import launch
from finetune_trainer.distribution.ranks import read_seat
from finetune_trainer.errors import ConfigError, NotFoundError, StalledError, TrainerError
from finetune_trainer.preemption import Preemption
from finetune_trainer.redactions import Redactor, clean_streams
from finetune_trainer.reporting.board import Board
from finetune_trainer.reporting.instruments import Instruments
from finetune_trainer.reporting.server import start_server
from finetune_trainer.reporting.stalls import StallWatch
from finetune_trainer.run import Equipment, run
from finetune_trainer.settings import Settings, read_log_level, termination_log_of
from finetune_trainer.translations import translate

logger = logging.getLogger("finetune_trainer")
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
MAX_PROBLEMS_SHOWN = 5


def main(variables: Mapping[str, str] = os.environ, preemption: Preemption | None = None) -> int:
    """Run one attempt.

    Args:
        variables: the environment.
        preemption: a flag to leave by; without it signals are taken over.

    Returns:
        the exit code.
    """
    redactor = Redactor(variables)
    clean_streams(redactor)
    _configure_logs(variables)
    if preemption is None:
        preemption = Preemption()
        preemption.install()
        runtime.delay_garbage_collection()
    outcome = _attempt(variables, preemption, redactor)
    _write_outcome(outcome, variables, redactor)
    return outcome.exit_code


def _configure_logs(variables: Mapping[str, str]) -> None:
    wanted = read_log_level(variables)
    # What all ranks have to say, the leader says.
    level = wanted if read_seat(variables).is_leader else max(wanted, logging.WARNING)
    logging.basicConfig(level=level, format=LOG_FORMAT, stream=sys.stderr)
    if wanted > logging.DEBUG:
        for chatty in ("httpx", "httpx2"):  # they log every URL
            logging.getLogger(chatty).setLevel(logging.WARNING)


def _write_outcome(outcome: Outcome, variables: Mapping[str, str], redactor: Redactor) -> None:
    outcome = Outcome.model_validate(redactor.clean_values(outcome.to_json_dict()))
    try:
        outcomes.write_outcome(outcome, termination_log_of(variables))
    except OSError:
        logger.exception("the outcome could not be written; the exit code still tells")
    level = logging.INFO if outcome.succeeded else logging.ERROR
    logger.log(level, "%s: %s", outcome.reason, outcome.message)


def _attempt(variables: Mapping[str, str], preemption: Preemption, redactor: Redactor) -> Outcome:
    board: Board | None = None
    server = watch = None
    try:
        settings = Settings.from_environment(variables)
        preemption.grace_seconds = settings.grace_seconds
        preemption.is_patient = settings.seat.count > 1
        job = read_job(settings)
        if job.spec.resources.processes > settings.seat.count:
            runtime.begin_garbage_collection()
            return launch(job, settings, variables, preemption.check)
        if settings.seat.count > 1:
            runtime.prepare_for_torch(settings)
        board = Board(job.uid, settings.attempt, clean=redactor.clean)
        instruments = Instruments(board)
        instruments.restarts.set(settings.attempt - 1)
        if settings.report_address and settings.seat.is_leader:
            server = start_server(board, instruments, settings.report_address, settings.report_port)
        if settings.seat.is_leader:  # the others wait for the leader, however long it uploads
            limit = job.spec.stall_timeout_seconds
            end = partial(_end_stalled, variables, redactor, board)
            watch = StallWatch(board, limit, end)
            watch.start()
        ranks = groups.join(settings.seat)
        finished = run(job, Equipment(settings, board, instruments, preemption, ranks))
        groups.leave(ranks)
        return outcomes.describe_success(finished.artifacts, finished.report, finished.message)
    except Exception as error:  # the outermost edge: every failure must leave an outcome
        return _explain(error, board)
    finally:
        if watch is not None:
            watch.close()
        if server is not None:
            server.close()


def _end_stalled(
    variables: Mapping[str, str], redactor: Redactor, board: Board, error: StalledError
) -> None:
    """End the process from the thread that watches it: the main thread hangs."""
    _write_outcome(outcomes.describe_failure(error, board.snapshot()), variables, redactor)
    logging.shutdown()
    os._exit(error.code)


def _explain(error: Exception, board: Board | None) -> Outcome:
    explained = translate(error)
    if explained is not error or type(explained) is TrainerError:
        logger.error("%s", explained, exc_info=error)
    return outcomes.describe_failure(explained, board.snapshot() if board else None)


def read_job(settings: Settings) -> ResolvedJob:
    """Read the resolved job.

    Raises:
        NotFoundError: there is no such file.
        ConfigError: it is no resolved job; the message names the fields.
    """
    path = settings.job_file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotFoundError(f"the job file {path} cannot be read: {error.strerror}") from error
    try:
        return ResolvedJob.model_validate_json(content)
    except ValidationError as error:
        problems = describe_errors(error, ResolvedJob)
        shown = "; ".join(problems[:MAX_PROBLEMS_SHOWN])
        raise ConfigError(f"the job file is no valid job: {shown}") from error


if __name__ == "__main__":
    sys.exit(main())
