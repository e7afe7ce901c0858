"""Starts one process for each GPU of the pod and waits for them: torchrun, as a library.

`__main__` calls it in a pod whose job asks for more than one process. The pods meet at the one with
index 0, which has rank 0: the operator asks it for progress. No rank is started again here: an
attempt is a Job, and the operator counts attempts. Every rank leaves its outcome in a file; what
they come to is the outcome of the pod.
"""

import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from finetune_api.contract.environment import Variable
from finetune_api.contract.exit_codes import CONSEQUENCES
from finetune_api.contract.outcomes import Outcome, decode_outcome
from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_trainer import outcomes
from finetune_trainer.distribution.meetings import Meeting, plan_meeting
from finetune_trainer.distribution.verdicts import choose_outcome
from finetune_trainer.errors import InternalError, PreemptedError, StalledError, TrainerError
from finetune_trainer.settings import Settings

logger = logging.getLogger(__name__)
FOLDER_NAME, OUTCOME_NAME = "ranks", "outcome"
COURTESY_SECONDS = 10.0
COMMAND = ("-m", "finetune_trainer")


def launch(
    job: ResolvedJob,
    settings: Settings,
    variables: Mapping[str, str],
    check: Callable[[], None],
) -> Outcome:
    """Run all ranks of this pod, and say how it went.

    Args:
        job: asks for more than one process.
        settings: of the pod.
        variables: its environment, which the ranks inherit.
        check: raises when the pod was told to stop before its ranks could hear of it.
    """
    folder = settings.scratch / FOLDER_NAME
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    meeting = plan_meeting(job, settings)
    with _environment({**variables, Variable.TERMINATION_LOG: str(folder / OUTCOME_NAME)}):
        codes = _run_ranks(meeting, settings.grace_seconds, check)
    outcome = choose_outcome(
        read_outcomes(folder), was_told_to_stop=codes is None, first=meeting.first_rank
    )
    outcome = outcome or outcomes.describe_failure(_explain_silence(codes), None)
    if meeting.leader and codes is not None and outcome.exit_code in CONSEQUENCES:
        _let_the_cause_end_first()
    return outcome


def _let_the_cause_end_first() -> None:
    """Wait until the cluster has seen the pod that this one follows, and ends this one.

    The first pod that ends decides what the attempt ended of, and the last words of those that are
    still on their way are lost with them.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException

    with suppress(SignalException):
        time.sleep(COURTESY_SECONDS)


def _run_ranks(
    meeting: Meeting, grace_seconds: float, check: Callable[[], None]
) -> dict[int, int] | None:
    """Start the ranks and wait; give the exit codes of those that failed, None after a signal."""
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.rendezvous.api import RendezvousError

    from finetune_trainer.distribution.agents import build_agent

    try:
        agent = build_agent(meeting, COMMAND, grace_seconds)
        check()
        result = agent.run()
    except SignalException as error:
        logger.warning("%s received: all ranks were told", error.sigval.name)
        return None
    except (RendezvousError, RuntimeError) as error:  # the store of a pod that does not come
        raise StalledError(f"the pods of this job did not meet: {error}") from error
    return {rank: failure.exitcode for rank, failure in result.failures.items()}


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Let the ranks inherit an environment."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def read_outcomes(folder: Path) -> dict[int, Outcome]:
    """Read what the ranks left, by rank."""
    found: dict[int, Outcome] = {}
    for path in folder.glob(f"{OUTCOME_NAME}.*"):
        outcome = decode_outcome(path.read_text(encoding="utf-8"))
        if outcome is not None:
            found[int(path.suffix[1:])] = outcome
    return found


def _explain_silence(codes: Mapping[int, int] | None) -> TrainerError:
    """Say what can be said when no rank did."""
    if codes is None:
        return PreemptedError("stopped before the training began")
    if not codes:
        return StalledError(
            "the ranks of this pod ended without a word",
            hint="look at the pod with index 0, where they meet",
        )
    shown = ", ".join(f"rank {rank} with {code}" for rank, code in sorted(codes.items()))
    return InternalError(
        f"no rank left an outcome; ended: {shown}",
        hint="-9 is a kill, most often for want of memory: raise resources.memory",
    )
