"""Starts one process for each GPU of the pod and waits for them: torchrun, as a library.

`__main__` calls it in a pod whose job asks for more than one process. The pods meet at the one with
index 0, which has rank 0: the operator asks it for progress. No rank is started again here: an
attempt is a Job, and the operator counts attempts. Every rank leaves its outcome in a file; what
they come to is the outcome of the pod.
"""

import logging
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from finetune_api.contract.environment import LEADER_PORT, Variable
from finetune_api.contract.outcomes import Outcome, decode_outcome
from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_trainer import outcomes
from finetune_trainer.distribution.verdicts import choose_outcome
from finetune_trainer.errors import InternalError, PreemptedError, StalledError
from finetune_trainer.settings import Settings

logger = logging.getLogger(__name__)
FOLDER_NAME, OUTCOME_NAME = "ranks", "outcome"
MEETING_SECONDS = 900
"""Nodes may pull the image for minutes; a peer that is not there by then will not come."""
LOOK_SECONDS = 0.2


def launch(job: ResolvedJob, settings: Settings) -> Outcome:
    """Run all ranks of this pod, and say how it went."""
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import elastic_launch

    folder = settings.scratch / FOLDER_NAME
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    was_told_to_stop, codes = False, {}
    try:
        with _redirecting_outcomes(folder / OUTCOME_NAME):
            elastic_launch(build_config(job, settings), sys.executable)("-m", "finetune_trainer")
    except ChildFailedError as error:
        codes = {rank: failure.exitcode for rank, failure in error.failures.items()}
    except SignalException as error:
        logger.warning("%s received: all ranks were told", error.sigval.name)
        was_told_to_stop = True
    found = read_outcomes(folder)
    outcome = choose_outcome(found, was_told_to_stop=was_told_to_stop)
    return outcome or _explain_silence(codes, was_told_to_stop=was_told_to_stop)


@contextmanager
def _redirecting_outcomes(path: Path) -> Iterator[None]:
    """Let the ranks, which inherit the environment, leave their outcomes beside `path`."""
    name = str(Variable.TERMINATION_LOG)
    before = os.environ.get(name)
    os.environ[name] = str(path)
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def build_config(job: ResolvedJob, settings: Settings) -> Any:
    """Say to torchrun how many processes there are, and where they meet."""
    from torch.distributed.launcher.api import LaunchConfig

    resources = job.spec.resources
    is_alone = resources.nodes == 1 or not settings.leader_address
    nodes = 1 if is_alone else resources.nodes
    meeting: dict[str, Any] = {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0"}
    if not is_alone:
        meeting = {
            "rdzv_backend": "static",
            "rdzv_endpoint": f"{settings.leader_address}:{LEADER_PORT}",
            "rdzv_configs": {"rank": settings.node_rank, "timeout": MEETING_SECONDS},
        }
    return LaunchConfig(
        min_nodes=nodes,
        max_nodes=nodes,
        nproc_per_node=resources.processes // nodes,
        run_id=f"{job.uid}-{settings.attempt}",
        max_restarts=0,
        monitor_interval=LOOK_SECONDS,
        # A rank that saves may take all the grace of the pod, less what telling takes.
        shutdown_timeout=max(1, int(settings.grace_seconds) - 1),
        **meeting,
    )


def read_outcomes(folder: Path) -> dict[int, Outcome]:
    """Read what the ranks left, by rank."""
    found: dict[int, Outcome] = {}
    for path in folder.glob(f"{OUTCOME_NAME}.*"):
        outcome = decode_outcome(path.read_text(encoding="utf-8"))
        if outcome is not None:
            found[int(path.suffix[1:])] = outcome
    return found


def _explain_silence(codes: Mapping[int, int], *, was_told_to_stop: bool) -> Outcome:
    """Say what can be said when no rank did."""
    if was_told_to_stop:
        error: Any = PreemptedError("stopped before the training began")
    elif codes:
        shown = ", ".join(f"rank {rank} with {code}" for rank, code in sorted(codes.items()))
        error = InternalError(
            f"no rank left an outcome; ended: {shown}",
            hint="-9 is a kill, most often for want of memory: raise resources.memory",
        )
    else:
        error = StalledError(
            "the ranks of this pod ended without a word",
            hint="look at the pod with index 0, where they meet",
        )
    return outcomes.describe_failure(error, None)
