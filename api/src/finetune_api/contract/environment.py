"""Names, paths and ports: what the pod manifest sets and the trainer reads.

Every place reaches the trainer as an environment variable, so that a pod, a process on this machine
and a test can each put things where they can. The paths are what the operator mounts in a pod.
"""

from enum import StrEnum

REPORT_PORT = 9400
"""Serves /progress (ProgressReport) and /metrics (Prometheus text)."""
PROGRESS_PATH = "/progress"
METRICS_PATH = "/metrics"

JOB_DIRECTORY = "/etc/finetune"
JOB_FILE_NAME = "job.json"
VOLUMES_DIRECTORY = "/volumes"
"""The claim `c` is mounted at /volumes/c, for sources, output and checkpoints alike."""
CONFIG_MAPS_DIRECTORY = "/configmaps"
"""The ConfigMap `c` is mounted at /configmaps/c, each of its keys as a file."""
SCRATCH_DIRECTORY = "/scratch"
TERMINATION_LOG = "/dev/termination-log"
TRAINER_CONTAINER = "trainer"
LEADER_PORT = 29500
"""Where the pod with index 0 lets the others meet; the usual port of torchrun."""


class Variable(StrEnum):
    """Environment variables of the trainer."""

    JOB_FILE = "FINETUNE_JOB_FILE"
    """The resolved job, JSON."""
    VOLUMES_DIRECTORY = "FINETUNE_VOLUMES_DIRECTORY"
    """The folder in which the claim `c` of pvc://c/… is the folder `c`."""
    CONFIG_MAPS_DIRECTORY = "FINETUNE_CONFIG_MAPS_DIRECTORY"
    """The folder in which the key `k` of configmap://c/k is the file `c/k`."""
    SCRATCH_DIRECTORY = "FINETUNE_SCRATCH_DIRECTORY"
    """Caches and downloads; lost with the pod."""
    TERMINATION_LOG = "FINETUNE_TERMINATION_LOG"
    """Where the outcome goes, at most 4096 bytes."""
    ATTEMPT = "FINETUNE_ATTEMPT"
    """The number of the attempt, from 1."""
    POD_NAME = "FINETUNE_POD_NAME"
    POD_UID = "FINETUNE_POD_UID"
    NODE_NAME = "FINETUNE_NODE_NAME"
    REPORT_ADDRESS = "FINETUNE_REPORT_ADDRESS"
    """The address that /progress and /metrics listen at; in a pod its own IP."""
    REPORT_PORT = "FINETUNE_REPORT_PORT"
    GRACE_SECONDS = "FINETUNE_GRACE_SECONDS"
    """Seconds between SIGTERM and SIGKILL: what a last checkpoint may take."""
    CPU_LIMIT_MILLICORES = "FINETUNE_CPU_MILLICORES"
    """The cores that the pod asked for, times 1000: the number of threads follows it."""
    NODE_RANK = "FINETUNE_NODE_RANK"
    """The index of this pod among spec.resources.nodes; 0 leads."""
    LEADER_ADDRESS = "FINETUNE_LEADER_ADDRESS"
    """The host name of the pod with index 0; without it all processes run on this machine."""
    LEADER_PORT = "FINETUNE_LEADER_PORT"
    """Where that pod listens; LEADER_PORT unless several pods share the ports of one machine."""
    LOG_LEVEL = "FINETUNE_LOG_LEVEL"
    """DEBUG, INFO, WARNING or ERROR; at DEBUG the libraries tell what they send and receive."""
    HUB_TOKEN = "HF_TOKEN"
    """From the Secret of spec.model.credentialsSecretName."""
    HUB_ENDPOINT = "HF_ENDPOINT"


MEETING_VARIABLES = (Variable.NODE_RANK, Variable.LEADER_ADDRESS, Variable.LEADER_PORT)
"""What the pods of a job with several nodes get besides; a single pod has nobody to meet."""

BUCKET_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
)
"""What opens s3://, each from the key of that name in the Secret of spec.model, where it has it."""

MLFLOW_VARIABLES = (
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
)
"""What opens an MLflow server, each from the key of that name in the Secret of spec.tracking."""

SECRET_VARIABLES = (
    Variable.HUB_TOKEN,
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
)
"""Whose values nobody may ever see."""
