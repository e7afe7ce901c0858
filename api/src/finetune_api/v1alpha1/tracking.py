"""spec.tracking: where a training can be followed besides the status and Prometheus.

Trackers are company, not machinery: one that is down never fails a job. What can be known to be
wrong beforehand, such as an address with a password in it, is refused here.
"""

import re
from typing import ClassVar

from pydantic import Field

from finetune_api.models import ApiModel
from finetune_api.rules import Rule
from finetune_api.v1alpha1.fields import KubernetesName

_HOST = r"([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])"
_ADDRESS = rf"^https?://{_HOST}(:[0-9]{{1,5}})?(/[A-Za-z0-9._~%-]+)*/?$"
_EXPERIMENT = r"^\S(.*\S)?$"


class Mlflow(ApiModel):
    """An MLflow server that gets one run for the job, over all its attempts."""

    uri: str = Field(
        min_length=8,
        max_length=512,
        description=(
            "The address of the tracking server, such as https://mlflow.example.com or"
            " http://mlflow.tools:5000. Without user and password: those lie in the Secret."
        ),
    )
    experiment_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=256,
        pattern=_EXPERIMENT,
        description=(
            "The experiment, which is made if it is not there. Jobs that shall be compared name the"
            " same one. Default: the namespace and the name of the job, such as team/reviews."
        ),
    )
    credentials_secret_name: KubernetesName | None = Field(
        default=None,
        description=(
            "A Secret of this namespace with the keys MLFLOW_TRACKING_USERNAME and"
            " MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN. Unset for a server that asks for"
            " none. The operator never reads it."
        ),
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        # The value is not shown: it may hold a password.
        Rule(
            cel=f"self.uri.matches(r'{_ADDRESS}')",
            holds=lambda m: re.fullmatch(_ADDRESS, m.uri) is not None,
            message=(
                "uri must be http:// or https://, a host and perhaps a port and a path, without"
                " user, query or fragment: write it like https://mlflow.example.com, and put a user"
                " and a password into a Secret that credentialsSecretName names"
            ),
        ),
    )


class Tracking(ApiModel):
    """Where the training can be followed. A tracker that cannot be reached never fails the job."""

    tensor_board: bool = Field(
        default=False,
        description=(
            "Write event files for TensorBoard: while training beside the checkpoints, in the"
            " folder tensorboard, and at the end into the folder tensorboard of the model."
        ),
    )
    mlflow: Mlflow | None = Field(
        default=None,
        description="Send metrics, hyper-parameters and the model card to an MLflow server.",
    )
