"""How many processes train together, and where they meet. Pure."""

from dataclasses import dataclass

from finetune_api.contract.environment import LEADER_PORT
from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_trainer.settings import Settings


@dataclass(frozen=True, slots=True)
class Meeting:
    """Where the processes of an attempt find each other.

    Attributes:
        identity: of the attempt; strangers that come by are told apart.
        nodes: pods.
        processes: of each pod.
        node_rank: the index of this pod; 0 leads.
        leader: the host name of the pod that leads; empty where all processes are here.
        port: where it listens.
    """

    identity: str
    nodes: int
    processes: int
    node_rank: int = 0
    leader: str = ""
    port: int = LEADER_PORT

    @property
    def first_rank(self) -> int:
        """The lowest rank of this pod, which speaks for it."""
        return self.node_rank * self.processes


def plan_meeting(job: ResolvedJob, settings: Settings) -> Meeting:
    """Say who meets where; without an address of a leader, as on a laptop, all are here."""
    resources = job.spec.resources
    identity = f"{job.uid}-{settings.attempt}"
    if resources.nodes == 1 or not settings.leader_address:
        return Meeting(identity, nodes=1, processes=resources.processes)
    return Meeting(
        identity,
        resources.nodes,
        resources.processes_per_node,
        settings.node_rank,
        settings.leader_address,
        settings.leader_port,
    )
