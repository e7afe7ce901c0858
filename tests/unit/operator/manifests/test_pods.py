"""The Job, its pod, its config and its claims: what is in them, and what must never be."""

import json
from typing import Any

import pytest

from finetune_api.contract.environment import BUCKET_VARIABLES, Variable
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


def test_the_keys_of_a_bucket_reach_the_pod_by_reference_and_may_be_missing() -> None:
    env = env_of(
        build(
            a_parsed_job(
                model={"source": "s3://team/bert", "credentialsSecretName": "store"},
                dataset={"train": {"source": "pvc://data/train.csv"}},
            )
        )
    )

    reference = {"name": "store", "key": "AWS_SECRET_ACCESS_KEY", "optional": True}
    assert env["AWS_SECRET_ACCESS_KEY"] == {"secretKeyRef": reference}
    assert {name for name in env if name.startswith("AWS_")} == set(BUCKET_VARIABLES)
    assert Variable.HUB_TOKEN not in env


@pytest.mark.parametrize(
    ("destination", "is_optional"),
    [
        pytest.param("s3://team/out", True, id="public data, and a bucket"),
        pytest.param("hf://org/out", False, id="a hub to write to"),
    ],
)
def test_a_token_may_be_missing_where_the_secret_is_for_a_bucket(
    destination: str, is_optional: bool
) -> None:
    job = a_parsed_job(
        model={"source": "hf://org/model", "credentialsSecretName": "store"},
        output={"destination": destination},
    )

    token = env_of(build(job))[Variable.HUB_TOKEN]

    assert token["secretKeyRef"]["optional"] is is_optional


def test_a_config_map_is_mounted_whole_and_read_only() -> None:
    sources = {
        "train": {"source": "configmap://rows/train.csv"},
        "test": {"source": "configmap://rows/test.csv"},
    }

    pod = pod_of(build(a_parsed_job(dataset=sources)))

    mounts = {m["mountPath"]: m for m in pod["containers"][0]["volumeMounts"]}
    mount = mounts["/configmaps/rows"]
    assert mount["readOnly"] is True
    (volume,) = [v for v in pod["volumes"] if v["name"] == mount["name"]]
    assert volume["configMap"] == {"name": "rows"}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"dataset": {"replay": {"source": "pvc://general/a.csv"}}}, id="replay"),
        pytest.param(
            {"evaluation": {"forgetting": {"source": "pvc://general/a.csv"}}}, id="forgetting"
        ),
        pytest.param({"evaluation": {"gate": {"beatModel": "pvc://general/m"}}}, id="a gate"),
        pytest.param({"model": {"tokenizerSource": "pvc://general/t"}}, id="a tokenizer"),
    ],
)
def test_every_claim_that_a_source_names_is_mounted(changes: dict[str, Any]) -> None:
    spec = a_manifest()["spec"]
    for part, fields in changes.items():
        spec[part] = spec.get(part, {}) | fields

    pod = pod_of(build(a_parsed_job(**spec)))

    claims = [v.get("persistentVolumeClaim", {}).get("claimName") for v in pod["volumes"]]
    assert "general" in claims


def test_the_model_of_another_job_is_mounted_where_it_lies() -> None:
    job = a_parsed_job(model={"source": "job://domain", "credentialsSecretName": "hub"})
    resolved = resolve_job(job, models={"job://domain": "pvc://models/domain"})

    pod = pod_of(build_job(job, resolved, Launch(1, "trainer:1"), Settings()))

    mounts = {m["mountPath"]: m.get("readOnly") for m in pod["containers"][0]["volumeMounts"]}
    assert mounts["/volumes/models"] is True
    assert resolved.config_hash == resolve_job(job).config_hash


def test_every_variable_of_the_contract_is_set() -> None:
    given = {"HF_ENDPOINT": "http://hub", Variable.LOG_LEVEL: "DEBUG"}
    settings = Settings(trainer_env=tuple(given.items()))

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


@pytest.mark.parametrize("destination", ["s3://team/models/x", "hf://org/x"])
def test_checkpoints_of_a_model_that_is_published_lie_on_a_claim_that_goes_with_the_job(
    destination: str,
) -> None:
    job = a_parsed_job(
        model={"source": "hf://org/model", "credentialsSecretName": "hub"},
        output={"destination": destination},
    )

    (claim,) = build_claims(job, Settings(default_claim_size="7Gi"))

    assert claim["metadata"]["name"] == "reviews-checkpoints"
    assert claim["metadata"]["ownerReferences"][0]["uid"] == UID
    assert claim["spec"]["resources"]["requests"]["storage"] == "7Gi"
    resolved = resolve_job(job)
    assert resolved.publish_uri == destination
    assert resolved.output_uri == f"pvc://reviews-checkpoints/models/reviews-{UID[:18]}"


def test_a_job_with_a_destination_needs_no_claim() -> None:
    assert build_claims(a_parsed_job(output={"destination": "pvc://models/x"}), Settings()) == []


def test_the_same_plan_gives_the_same_bytes() -> None:
    one, two = (json.dumps(build(a_parsed_job(**EVERYTHING))) for _ in range(2))

    assert one == two
