"""What lets the pods of one job find and reach each other, and keeps everybody else out.

They meet at a fixed name without asking who comes: the store of torch and the channels of gloo and
NCCL know no password, and what they carry is unpickled. So the policy by the job's own label is the
lock. One Service serves all attempts: their pods have different host names.
"""

from typing import Any

from finetune_api.contract import environment
from finetune_api.contract.environment import Variable
from finetune_api.v1alpha1 import FineTuneJob
from finetune_operator.core import kinds, names
from finetune_operator.core.kinds import Kind
from finetune_operator.core.plan import Launch
from finetune_operator.manifests.metadata import build_head

SAME_ZONE_WEIGHT, OTHER_NODE_WEIGHT = 100, 10
"""Traffic between zones is slow and paid for; two pods on one node are merely not what was meant
by `nodes`, and better than none."""


def build_peers(job: FineTuneJob) -> list[tuple[Kind, dict[str, Any]]]:
    """Give what a job with several pods needs besides; nothing for a single one."""
    if job.spec.resources.nodes == 1:
        return []
    return [(kinds.SERVICES, build_service(job)), (kinds.NETWORK_POLICIES, build_policy(job))]


def build_service(job: FineTuneJob) -> dict[str, Any]:
    """Give the headless Service that makes a name of each pod's host name."""
    port = {"name": "meeting", "port": environment.LEADER_PORT, "protocol": "TCP"}
    return {
        **build_head(kinds.SERVICES, job, names.name_peers(job.metadata.name)),
        "spec": {
            "clusterIP": "None",
            # A pod is never ready before it has found its peers.
            "publishNotReadyAddresses": True,
            "selector": _select_pods(job),
            "ports": [port],
        },
    }


def build_policy(job: FineTuneJob) -> dict[str, Any]:
    """Give the NetworkPolicy: peers reach each other at any port, for NCCL takes what is free."""
    peers = {"podSelector": {"matchLabels": _select_pods(job)}}
    report = {"port": environment.REPORT_PORT, "protocol": "TCP"}
    return {
        **build_head(kinds.NETWORK_POLICIES, job, names.name_peers(job.metadata.name)),
        "spec": {
            **peers,
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [peers]}, {"ports": [report]}],
        },
    }


def build_meeting(job: FineTuneJob, launch: Launch) -> list[dict[str, Any]]:
    """Give the variables that tell a pod its place, and where to meet."""
    if job.spec.resources.nodes == 1:
        return []
    index = {"fieldRef": {"fieldPath": f"metadata.annotations['{names.INDEX_ANNOTATION}']"}}
    leader = names.name_leader(job.metadata.name, launch.number)
    return [
        {"name": str(Variable.NODE_RANK), "valueFrom": index},
        {"name": str(Variable.LEADER_ADDRESS), "value": leader},
        {"name": str(Variable.LEADER_PORT), "value": str(environment.LEADER_PORT)},
    ]


def build_neighbourhood(job: FineTuneJob) -> dict[str, Any]:
    """Give the part of the pod's spec that says where it stands among its peers."""
    if job.spec.resources.nodes == 1:
        return {}
    affinity = {
        "podAffinity": _prefer(job, "topology.kubernetes.io/zone", SAME_ZONE_WEIGHT),
        "podAntiAffinity": _prefer(job, "kubernetes.io/hostname", OTHER_NODE_WEIGHT),
    }
    return {"subdomain": names.name_peers(job.metadata.name), "affinity": affinity}


def _prefer(job: FineTuneJob, topology_key: str, weight: int) -> dict[str, Any]:
    term = {"topologyKey": topology_key, "labelSelector": {"matchLabels": _select_pods(job)}}
    preferred = [{"weight": weight, "podAffinityTerm": term}]
    return {"preferredDuringSchedulingIgnoredDuringExecution": preferred}


def _select_pods(job: FineTuneJob) -> dict[str, str]:
    return {names.JOB_UID_LABEL: job.metadata.uid}
