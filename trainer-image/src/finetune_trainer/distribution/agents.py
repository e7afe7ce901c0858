"""The agent of torchrun that looks after the ranks of one pod, set up as we need it. Needs torch.

`launching` runs it. torchrun's own command line gives ranks whose peer has failed half a minute to
end; they wait for that peer and have nothing to save, so here they get little. A rank that was told
to stop by the cluster gets all the grace of the pod.
"""

import sys
from collections.abc import Sequence
from typing import Any

from torch.distributed.elastic.agent.server.api import WorkerGroup, WorkerSpec
from torch.distributed.elastic.agent.server.local_elastic_agent import LocalElasticAgent
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.rendezvous import RendezvousParameters
from torch.distributed.elastic.rendezvous.registry import get_rendezvous_handler

from finetune_trainer.distribution.meetings import Meeting

MEETING_SECONDS = 900
"""Nodes may pull the image for minutes; a peer that is not there by then will not come."""
LOOK_SECONDS = 0.2
FAREWELL_SECONDS = 5


class Agent(LocalElasticAgent):
    """Ends ranks soon when one of them has failed."""

    def _stop_workers(self, worker_group: WorkerGroup) -> None:
        del worker_group
        self._shutdown(timeout=FAREWELL_SECONDS)


def build_agent(meeting: Meeting, command: Sequence[str], grace_seconds: float) -> Agent:
    """Prepare to run a command once for each rank of this pod.

    Args:
        meeting: who meets where.
        command: arguments of Python.
        grace_seconds: between SIGTERM and SIGKILL for the pod.
    """
    spec = WorkerSpec(
        role="trainer",
        local_world_size=meeting.processes,
        entrypoint=sys.executable,
        args=tuple(command),
        rdzv_handler=get_rendezvous_handler(_describe(meeting)),
        max_restarts=0,
        monitor_interval=LOOK_SECONDS,
        master_addr=meeting.leader or None,
        master_port=meeting.port if meeting.leader else None,
    )
    # What telling takes must be left of the grace.
    return Agent(spec, DefaultLogsSpecs(), shutdown_timeout=max(1, int(grace_seconds) - 1))


def _describe(meeting: Meeting) -> RendezvousParameters:
    options: dict[str, Any] = {
        "run_id": meeting.identity,
        "min_nodes": meeting.nodes,
        "max_nodes": meeting.nodes,
        "timeout": MEETING_SECONDS,
    }
    if not meeting.leader:
        return RendezvousParameters("c10d", "localhost:0", **options)
    endpoint = f"{meeting.leader}:{meeting.port}"
    return RendezvousParameters("static", endpoint, rank=meeting.node_rank, **options)
