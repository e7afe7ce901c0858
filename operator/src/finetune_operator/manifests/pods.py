"""The training pod: meets Pod Security `restricted`, has no API credentials, reads one file.

Nothing of the spec reaches the pod but the fields that are named here: whoever may create
FineTuneJobs need not be allowed to create pods.
"""

from typing import Any

from finetune_api.contract import environment
from finetune_api.contract.environment import Variable
from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_api.quantities import parse_quantity
from finetune_api.v1alpha1 import FineTuneJob, FineTuneJobSpec
from finetune_api.v1alpha1.spec_sources import list_sources
from finetune_operator.core.plan import Launch
from finetune_operator.core.settings import Settings
from finetune_operator.manifests.peers import build_meeting, build_neighbourhood
from finetune_operator.manifests.volumes import build_mounts, build_volumes

USER_ID = 1000
TOKEN_KEY = "token"


def build_pod_spec(
    job: FineTuneJob, resolved: ResolvedJob, launch: Launch, settings: Settings
) -> dict[str, Any]:
    """Give the spec of the training pod."""
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": settings.grace_seconds,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER_ID,
            "runAsGroup": USER_ID,
            "fsGroup": USER_ID,
            # A claim with a million files would otherwise be walked at every start.
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_build_container(job, resolved, launch, settings)],
        "volumes": build_volumes(job, resolved),
    }
    return spec | build_neighbourhood(job) | _build_placement(job.spec)


def _build_container(
    job: FineTuneJob, resolved: ResolvedJob, launch: Launch, settings: Settings
) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": environment.TRAINER_CONTAINER,
        "image": launch.image,
        "env": _build_env(resolved, launch, settings) + build_meeting(job, launch),
        "ports": [{"name": "report", "containerPort": environment.REPORT_PORT}],
        "resources": _build_resources(job.spec),
        "volumeMounts": build_mounts(resolved),
        "terminationMessagePath": environment.TERMINATION_LOG,
        "terminationMessagePolicy": "File",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    if settings.trainer_image_pull_policy:
        container["imagePullPolicy"] = settings.trainer_image_pull_policy
    return container


def _build_env(resolved: ResolvedJob, launch: Launch, settings: Settings) -> list[dict[str, Any]]:
    spec, scratch = resolved.spec, environment.SCRATCH_DIRECTORY
    fixed: dict[str, str] = {
        Variable.JOB_FILE: f"{environment.JOB_DIRECTORY}/{environment.JOB_FILE_NAME}",
        Variable.VOLUMES_DIRECTORY: environment.VOLUMES_DIRECTORY,
        Variable.CONFIG_MAPS_DIRECTORY: environment.CONFIG_MAPS_DIRECTORY,
        Variable.SCRATCH_DIRECTORY: scratch,
        Variable.TERMINATION_LOG: environment.TERMINATION_LOG,
        Variable.ATTEMPT: str(launch.number),
        Variable.REPORT_PORT: str(environment.REPORT_PORT),
        Variable.GRACE_SECONDS: str(settings.grace_seconds),
        Variable.CPU_LIMIT_MILLICORES: str(int(parse_quantity(spec.resources.cpu) * 1000)),
        # The root file system is read-only; libraries that look for a home find scratch.
        "HOME": scratch,
    }
    fixed |= dict(settings.trainer_env)
    from_pod = {
        Variable.POD_NAME: "metadata.name",
        Variable.POD_UID: "metadata.uid",
        Variable.NODE_NAME: "spec.nodeName",
        Variable.REPORT_ADDRESS: "status.podIP",
    }
    env: list[dict[str, Any]] = [{"name": str(n), "value": v} for n, v in fixed.items()]
    env += [
        {"name": str(name), "valueFrom": {"fieldRef": {"fieldPath": path}}}
        for name, path in from_pod.items()
    ]
    return env + _build_credentials(resolved) + _build_tracking_credentials(spec)


def _build_credentials(resolved: ResolvedJob) -> list[dict[str, Any]]:
    """Refer to the keys of the Secret: the kubelet reads it, the operator has no right to.

    A token must be there where it alone opens a hub. Of the keys for a bucket each may be missing:
    the node's own role opens it, or an address is all that is needed.
    """
    name = resolved.spec.model.credentials_secret_name
    if not name:
        return []
    uris = [source.uri for _, source in list_sources(resolved.spec)]
    uris.append(resolved.publish_uri or "")
    opens_bucket = any(uri.startswith("s3://") for uri in uris)
    opens_hub = any(uri.startswith("hf://") for uri in uris)
    needs_token = uris[-1].startswith("hf://") or not opens_bucket
    keys = [(str(Variable.HUB_TOKEN), TOKEN_KEY, not needs_token)] if opens_hub else []
    keys += [(key, key, True) for key in environment.BUCKET_VARIABLES if opens_bucket]
    return [_refer(variable, name, key, is_optional) for variable, key, is_optional in keys]


def _build_tracking_credentials(spec: FineTuneJobSpec) -> list[dict[str, Any]]:
    """Refer to the keys for MLflow. All may be missing: a tracker never keeps a job from training.

    A server asks for user and password or for a token; without, it says so in the job's warnings.
    """
    name = spec.tracking.mlflow.credentials_secret_name if spec.tracking.mlflow else None
    if not name:
        return []
    return [_refer(key, name, key, True) for key in environment.MLFLOW_VARIABLES]


def _refer(variable: str, secret: str, key: str, is_optional: bool) -> dict[str, Any]:
    reference = {"name": secret, "key": key, "optional": is_optional}
    return {"name": variable, "valueFrom": {"secretKeyRef": reference}}


def _build_resources(spec: FineTuneJobSpec) -> dict[str, Any]:
    wanted = spec.resources
    requests: dict[str, Any] = {
        # No limit: a throttled data loader starves the GPU.
        "cpu": str(wanted.cpu),
        "memory": str(wanted.memory),
        "ephemeral-storage": str(wanted.ephemeral_storage),
    }
    limits: dict[str, Any] = {"memory": str(wanted.memory)}
    if wanted.gpus_per_node:
        requests[wanted.gpu_resource_name] = limits[wanted.gpu_resource_name] = str(
            wanted.gpus_per_node
        )
    return {"requests": requests, "limits": limits}


def _build_placement(spec: FineTuneJobSpec) -> dict[str, Any]:
    scheduling = spec.scheduling
    given = {
        "nodeSelector": dict(scheduling.node_selector),
        "tolerations": [
            toleration.model_dump(mode="json", by_alias=True, exclude_none=True)
            for toleration in scheduling.tolerations
        ],
        "priorityClassName": scheduling.priority_class_name,
        "runtimeClassName": scheduling.runtime_class_name,
        "imagePullSecrets": [{"name": name} for name in spec.image_pull_secret_names],
    }
    return {name: value for name, value in given.items() if value}
