"""The Job, its pod, its config and its claims: what is in them, and what must never be."""

import json
from typing import Any

import pytest

from finetune_api.contract.environment import Variable
from finetune_api.contract.exit_codes import PERMANENT_EXIT_CODES
from finetune_api.contract.resolved_jobs import ResolvedJob, resolve_job
from finetune_api.v1alpha1 import FineTuneJob, parse_job
from finetune_operator.core.plan import Launch
from finetune_operator.core.settings import Settings
from finetune_operator.manifests.claims import build_claims
from finetune_operator.manifests.config_maps import build_config_map
from finetune_operator.manifests.jobs import build_job
from operator_builders import UID, a_manifest

EVERYTHING: dict[str, Any] = {
    "model": {"source": "hf://org/model", "credentialsSecretName": "hub"},
    "resources": {"gpusPerNode": 1, "cpu": "1500m", "memory": "16Gi", "sharedMemory": "2Gi"},
    "scheduling": {
        "nodeSelector": {"gpu": "h200"},
        "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
        "priorityClassName": "low",
        "runtimeClassName": "gvisor",
    },
    "imagePullSecretNames": ["registry"],
    "checkpoints": {"volume": {"size": "5Gi", "storageClassName": "fast"}},
}


def a_parsed_job(labels: dict[str, str] | None = None, **spec: Any) -> FineTuneJob:
    manifest = a_manifest(**spec)
    manifest["metadata"] |= {"uid": UID, "labels": labels or {}}
    return parse_job(manifest)


def build(job: FineTuneJob, settings: Settings | None = None, **launch: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {"number": 1, "image": "trainer:1"}
    chosen = Launch(**(defaults | launch))
    return build_job(job, resolve_job(job), chosen, settings or Settings())


def pod_of(manifest: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return spec


def env_of(manifest: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod_of(manifest)["containers"]
    return {e["name"]: e.get("value", e.get("valueFrom")) for e in container["env"]}


@pytest.mark.parametrize(
    "spec", [pytest.param({}, id="smallest"), pytest.param(EVERYTHING, id="everything")]
)
def test_every_pod_is_restricted_and_has_no_credentials(spec: dict[str, Any]) -> None:
    pod = pod_of(build(a_parsed_job(**spec)))

    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    kinds = {next(k for k in volume if k != "name") for volume in pod["volumes"]}
    assert kinds <= {"configMap", "emptyDir", "persistentVolumeClaim"}
    assert not {"hostNetwork", "hostPID", "hostIPC", "serviceAccountName", "nodeName"} & pod.keys()


def test_the_job_retries_nothing_by_itself() -> None:
    spec = build(a_parsed_job(), deadline_seconds=77)["spec"]

    assert (spec["backoffLimit"], spec["completions"], spec["parallelism"]) == (0, 1, 1)
    assert spec["podReplacementPolicy"] == "Failed"
    assert spec["activeDeadlineSeconds"] == 77
    ignore, fail = spec["podFailurePolicy"]["rules"]
    assert ignore["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    assert fail["onExitCodes"]["values"] == list(PERMANENT_EXIT_CODES)


def test_names_and_labels_say_whose_it_is() -> None:
    manifest = build(a_parsed_job(), number=3)

    assert manifest["metadata"]["name"] == "reviews-3"
    labels = manifest["spec"]["template"]["metadata"]["labels"]
    assert labels["finetune.dev/job-uid"] == UID
    assert labels["finetune.dev/attempt"] == "3"
    (owner,) = manifest["metadata"]["ownerReferences"]
    assert (owner["uid"], owner["controller"]) == (UID, True)


def test_queue_labels_reach_the_job_and_no_others_do() -> None:
    given = {"kueue.x-k8s.io/queue-name": "gpus", "team": "search"}

    labels = build(a_parsed_job(given))["metadata"]["labels"]

    assert labels["kueue.x-k8s.io/queue-name"] == "gpus"
    assert "team" not in labels


def test_a_token_reaches_the_pod_by_reference_alone() -> None:
    env = env_of(build(a_parsed_job(**EVERYTHING)))

    reference = {"name": "hub", "key": "token", "optional": False}
    assert env[Variable.HUB_TOKEN] == {"secretKeyRef": reference}
    assert Variable.HUB_TOKEN not in env_of(build(a_parsed_job()))


def test_every_variable_of_the_contract_is_set() -> None:
    settings = Settings(trainer_env=(("HF_ENDPOINT", "http://hub"),))

    env = env_of(build(a_parsed_job(**EVERYTHING), settings, number=2))

    assert {str(variable) for variable in Variable} <= env.keys()
    assert env[Variable.ATTEMPT] == "2"
    assert env[Variable.CPU_LIMIT_MILLICORES] == "1500"
    assert env[Variable.REPORT_ADDRESS] == {"fieldRef": {"fieldPath": "status.podIP"}}


def test_resources_are_asked_for_as_the_spec_says() -> None:
    (container,) = pod_of(build(a_parsed_job(**EVERYTHING)))["containers"]

    assert container["resources"] == {
        "requests": {
            "cpu": "1500m",
            "memory": "16Gi",
            "ephemeral-storage": "10Gi",
            "nvidia.com/gpu": "1",
        },
        "limits": {"memory": "16Gi", "nvidia.com/gpu": "1"},
    }


def test_a_cpu_job_asks_for_no_gpu() -> None:
    (container,) = pod_of(build(a_parsed_job(resources={"gpusPerNode": 0})))["containers"]

    assert "nvidia.com/gpu" not in container["resources"]["requests"]


def test_placement_is_passed_on() -> None:
    pod = pod_of(build(a_parsed_job(**EVERYTHING)))

    assert pod["nodeSelector"] == {"gpu": "h200"}
    assert pod["tolerations"] == [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert (pod["priorityClassName"], pod["runtimeClassName"]) == ("low", "gvisor")
    assert pod["imagePullSecrets"] == [{"name": "registry"}]


def test_claims_are_mounted_by_name_and_read_only_unless_written_to() -> None:
    job = a_parsed_job(
        model={"source": "pvc://models/base"},
        dataset={"train": {"source": "pvc://data/train.csv"}},
        output={"destination": "pvc://models/out"},
    )

    pod = pod_of(build(job))

    mounts = {m["mountPath"]: m.get("readOnly") for m in pod["containers"][0]["volumeMounts"]}
    assert mounts["/volumes/models"] is False
    assert mounts["/volumes/data"] is True
    assert mounts["/etc/finetune"] is True


def test_the_config_is_the_resolved_job_and_cannot_be_changed() -> None:
    job = a_parsed_job()

    config = build_config_map(job, resolve_job(job))

    assert config["immutable"] is True
    read = ResolvedJob.model_validate(json.loads(config["data"]["job.json"]))
    assert (read.uid, read.output_uri) == (UID, "pvc://reviews/model")
    assert read.config_hash == resolve_job(job).config_hash


def test_the_default_claim_is_not_owned_and_the_checkpoint_claim_is() -> None:
    settings = Settings(default_claim_size="7Gi", default_claim_class="slow")

    output, checkpoints = build_claims(a_parsed_job(**EVERYTHING), settings)

    assert output["metadata"]["name"] == "reviews"
    assert "ownerReferences" not in output["metadata"]
    assert output["spec"]["resources"]["requests"]["storage"] == "7Gi"
    assert output["spec"]["storageClassName"] == "slow"
    assert checkpoints["metadata"]["name"] == "reviews-checkpoints"
    assert checkpoints["metadata"]["ownerReferences"][0]["uid"] == UID
    assert checkpoints["spec"]["storageClassName"] == "fast"


def test_a_job_with_a_destination_needs_no_claim() -> None:
    assert build_claims(a_parsed_job(output={"destination": "pvc://models/x"}), Settings()) == []


def test_the_same_plan_gives_the_same_bytes() -> None:
    one, two = (json.dumps(build(a_parsed_job(**EVERYTHING))) for _ in range(2))

    assert one == two
