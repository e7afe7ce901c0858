"""What the platform decides about the operator: one frozen object, given to everybody at start.

`runtime.settings` reads it from the environment and the command line; the help text there is the
description here. Nothing else in this project reads an environment variable.
"""

from dataclasses import dataclass, field
from typing import Any

from finetune_api.contract import environment


def _setting(default: Any, description: str) -> Any:
    return field(default=default, metadata={"description": description})


@dataclass(frozen=True, slots=True)
class Settings:
    """How this operator runs, and what it lets jobs do."""

    trainer_image: str = _setting(
        "finetune-trainer:latest", "Image of the training pods of jobs that name none."
    )
    trainer_image_pull_policy: str = _setting(
        "", "imagePullPolicy of the training container; empty leaves it to Kubernetes."
    )
    allowed_image_prefixes: tuple[str, ...] = _setting(
        (),
        "Prefixes that spec.image may have, comma-separated. Empty allows the trainer image alone:"
        " a foreign image runs on your GPUs.",
    )
    trainer_env: tuple[tuple[str, str], ...] = _setting(
        (), "Variables for every training pod, NAME=value, comma-separated; HF_ENDPOINT for one."
    )
    namespaces: tuple[str, ...] = _setting(
        (), "Namespaces to watch, comma-separated. Empty watches all."
    )
    default_claim_size: str = _setting(
        "20Gi", "Size of the claim that is made for a job that names no destination."
    )
    default_claim_class: str = _setting(
        "", "Storage class of that claim; empty takes the cluster's default."
    )
    default_claim_access_mode: str = _setting(
        "ReadWriteOnce",
        "Access mode of the claims that are made; for jobs of several nodes it is ReadWriteMany.",
    )
    grace_seconds: int = _setting(
        120, "Seconds between SIGTERM and SIGKILL: what a last checkpoint may take."
    )
    start_timeout_seconds: int = _setting(
        600, "Seconds after which a pod that cannot pull its image or misses a reference fails."
    )
    progress_seconds: float = _setting(
        10.0, "Seconds between two looks at a training pod, and between two writes of its progress."
    )
    progress_timeout_seconds: float = _setting(3.0, "Seconds that a training pod has to answer.")
    progress_port: int = _setting(
        environment.REPORT_PORT, "Port of the training pods that serves /progress."
    )
    progress_through_api_server: bool = _setting(
        False,
        "Ask pods through the API server's proxy instead of by their IP: for an operator outside"
        " the cluster. Needs the right to get pods/proxy.",
    )
    workers: int = _setting(32, "Jobs that are reconciled at the same time.")
    connections: int = _setting(48, "Connections to the API server.")
    request_timeout_seconds: float = _setting(15.0, "Seconds that the API server has to answer.")
    sweep_seconds: float = _setting(
        300.0, "Seconds between two comparisons of what is known with what is there."
    )
    metrics_port: int = _setting(8080, "Port that serves /metrics; 0 serves none.")
    health_port: int = _setting(8081, "Port that serves /healthz and /readyz; 0 serves none.")
    bind_address: str = _setting("", "Address that both ports listen at; empty is every address.")
    finished_metrics_seconds: float = _setting(
        3600.0, "Seconds after which the loss and the like of a finished job are exported no more."
    )
    log_level: str = _setting("INFO", "DEBUG, INFO, WARNING or ERROR.")
