"""The Job, the Service and the policy of several pods; a single pod knows nothing of them."""

import json
from typing import Any

import pytest

from finetune_api.contract.environment import MEETING_VARIABLES, Variable
from finetune_api.contract.resolved_jobs import resolve_job
from finetune_api.v1alpha1 import FineTuneJob, parse_job
from finetune_operator.core.plan import Launch
from finetune_operator.core.settings import Settings
from finetune_operator.manifests.claims import build_claims, explain_unshared
from finetune_operator.manifests.jobs import build_job
from finetune_operator.manifests.peers import build_peers
from operator_builders import UID, a_manifest

OWN_PODS = {"finetune.dev/job-uid": UID}


def a_parsed_job(nodes: int = 4, **resources: Any) -> FineTuneJob:
    manifest = a_manifest(resources={"nodes": nodes, **resources})
    manifest["metadata"] |= {"uid": UID, "labels": {"kueue.x-k8s.io/queue-name": "gpus"}}
    return parse_job(manifest)


def build(job: FineTuneJob, **launch: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {"number": 2, "image": "trainer:1"}
    return build_job(job, resolve_job(job), Launch(**(defaults | launch)), Settings())


def pod_of(manifest: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return spec


def env_of(manifest: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod_of(manifest)["containers"]
    return {e["name"]: e.get("value", e.get("valueFrom")) for e in container["env"]}


def test_every_node_is_an_index_and_all_start_together() -> None:
    spec = build(a_parsed_job())["spec"]

    assert spec["completionMode"] == "Indexed"
    assert (spec["completions"], spec["parallelism"], spec["backoffLimit"]) == (4, 4, 0)


def test_a_disrupted_pod_ends_its_job_and_the_leader_completes_it() -> None:
    spec = build(a_parsed_job())["spec"]

    assert [rule["action"] for rule in spec["podFailurePolicy"]["rules"]] == ["FailJob", "FailJob"]
    assert spec["podFailurePolicy"]["rules"][0]["onPodConditions"][0]["type"] == "DisruptionTarget"
    assert spec["successPolicy"] == {"rules": [{"succeededIndexes": "0"}]}


def test_pods_meet_at_a_name_of_their_attempt() -> None:
    manifest = build(a_parsed_job())

    env = env_of(manifest)
    assert env[Variable.LEADER_ADDRESS] == "reviews-2-0.reviews-peers"
    assert env[Variable.LEADER_PORT] == "29500"
    path = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    assert env[Variable.NODE_RANK] == {"fieldRef": {"fieldPath": path}}
    assert pod_of(manifest)["subdomain"] == "reviews-peers"


def test_the_longest_names_fit() -> None:
    manifest = a_manifest("a" * 50, resources={"nodes": 64})
    manifest["metadata"] |= {"uid": UID}
    job = parse_job(manifest)

    host, service = env_of(build(job, number=999))[Variable.LEADER_ADDRESS].split(".")

    assert len(host.removesuffix("-0") + "-63") <= 63
    assert len(service) <= 63


def test_the_service_names_pods_that_are_not_ready() -> None:
    (_, service), _ = build_peers(a_parsed_job())

    assert service["metadata"]["name"] == "reviews-peers"
    assert service["metadata"]["ownerReferences"][0]["uid"] == UID
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"] is True
    assert service["spec"]["selector"] == OWN_PODS


def test_peers_reach_each_other_at_any_port_and_others_the_report_alone() -> None:
    _, (_, policy) = build_peers(a_parsed_job())

    spec = policy["spec"]
    assert spec["podSelector"] == {"matchLabels": OWN_PODS}
    assert spec["policyTypes"] == ["Ingress"]
    assert spec["ingress"] == [
        {"from": [{"podSelector": {"matchLabels": OWN_PODS}}]},
        {"ports": [{"port": 9400, "protocol": "TCP"}]},
    ]


def test_pods_prefer_one_zone_and_a_node_each() -> None:
    affinity = pod_of(build(a_parsed_job()))["affinity"]

    rule = "preferredDuringSchedulingIgnoredDuringExecution"
    (zone,) = affinity["podAffinity"][rule]
    (node,) = affinity["podAntiAffinity"][rule]
    assert zone["podAffinityTerm"]["topologyKey"] == "topology.kubernetes.io/zone"
    assert node["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
    assert zone["weight"] > node["weight"]
    assert zone["podAffinityTerm"]["labelSelector"] == {"matchLabels": OWN_PODS}


def test_every_pod_asks_for_the_gpus_of_its_node() -> None:
    manifest = build(a_parsed_job(gpusPerNode=8, gpuResourceName="amd.com/gpu"))

    (container,) = pod_of(manifest)["containers"]
    assert container["resources"]["limits"]["amd.com/gpu"] == "8"
    assert manifest["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gpus"


def test_preempted_attempts_are_noted_on_the_next_one() -> None:
    note = "finetune.dev/preempted-before"

    assert build(a_parsed_job(), preempted=3)["metadata"]["annotations"] == {note: "3"}
    assert "annotations" not in build(a_parsed_job())["metadata"]


def test_a_single_pod_has_no_peers() -> None:
    job = a_parsed_job(nodes=1)

    manifest = build(job)

    assert build_peers(job) == []
    assert not {"subdomain", "affinity"} & pod_of(manifest).keys()
    assert not set(map(str, MEETING_VARIABLES)) & env_of(manifest).keys()
    assert "successPolicy" not in manifest["spec"]
    assert "peers" not in json.dumps(manifest)


def test_claims_that_are_made_for_several_pods_can_be_mounted_by_all() -> None:
    (claim,) = build_claims(a_parsed_job(), Settings())
    (alone,) = build_claims(a_parsed_job(nodes=1), Settings())

    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert alone["spec"]["accessModes"] == ["ReadWriteOnce"]


@pytest.mark.parametrize(
    ("asked", "bound", "is_written", "is_fine"),
    [
        pytest.param(["ReadWriteOnce"], [], False, False, id="one node alone"),
        pytest.param(["ReadWriteOnce"], ["ReadWriteOnce"], True, False, id="bound to one node"),
        pytest.param(["ReadWriteOnce"], ["ReadWriteMany"], True, True, id="bound to more"),
        pytest.param(["ReadWriteMany"], [], True, True, id="shared"),
        pytest.param(["ReadOnlyMany"], [], False, True, id="read by all"),
        pytest.param(["ReadOnlyMany"], [], True, False, id="read by all, and written to"),
    ],
)
def test_a_claim_that_cannot_be_shared_is_named(
    asked: list[str], bound: list[str], is_written: bool, is_fine: bool
) -> None:
    claim = {
        "metadata": {"name": "mine"},
        "spec": {"accessModes": asked},
        "status": {"accessModes": bound},
    }

    problem = explain_unshared(claim, is_written=is_written)

    assert (problem is None) == is_fine
    assert problem is None or ("claim mine" in problem and "resources.nodes: 1" in problem)
