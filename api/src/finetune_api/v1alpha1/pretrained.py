"""spec.model: the pre-trained model that a job starts from."""

from typing import ClassVar

from pydantic import Field

from finetune_api.models import ApiModel
from finetune_api.rules import Rule
from finetune_api.sources import ModelUri
from finetune_api.v1alpha1.fields import KubernetesName


class Dropout(ApiModel):
    """Dropout probabilities that replace those of the model's configuration."""

    hidden: float | None = Field(
        default=None,
        ge=0,
        le=0.9,
        description="Dropout of the hidden layers; unset keeps the model's own.",
    )
    attention: float | None = Field(
        default=None,
        ge=0,
        le=0.9,
        description=(
            "Dropout of the attention weights; 0 makes long texts much faster on CPUs. Unset keeps"
            " the model's own."
        ),
    )
    classifier: float | None = Field(
        default=None,
        ge=0,
        le=0.9,
        description="Dropout before the output layer; unset keeps the model's own.",
    )


class PretrainedModel(ApiModel):
    """The pre-trained model to adapt. Its output layer is replaced to fit the task."""

    source: ModelUri = Field(
        description=(
            "Where the model lies: hf://org/name on a hub, pvc://claim/path on a volume of this"
            " namespace, s3://bucket/path, job://name for the model that another FineTuneJob made,"
            " or file:///path in the trainer image. Only safetensors weights are loaded."
        )
    )
    revision: str | None = Field(
        default=None,
        min_length=40,
        max_length=40,
        pattern=r"^[0-9a-f]{40}$",
        description=(
            "The commit of an hf:// model, 40 hexadecimal digits. Unset takes the newest and pins"
            " it in status.resolved.modelRevision."
        ),
    )
    credentials_secret_name: KubernetesName | None = Field(
        default=None,
        description=(
            "A Secret of this namespace: its key `token` opens gated or private hf:// models and"
            " data, its keys AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if need be,"
            " AWS_SESSION_TOKEN, AWS_REGION and AWS_ENDPOINT_URL open s3://. To publish, they must"
            " be allowed to write. The operator never reads it."
        ),
    )
    tokenizer_source: ModelUri | None = Field(
        default=None, description="Where the tokenizer lies, when it is not beside the model."
    )
    dropout: Dropout = Field(
        default=Dropout(),
        description="Dropout probabilities, to regularise more or less than the pre-training.",
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!has(self.revision) || self.source.startsWith('hf://')",
            holds=lambda m: m.revision is None or m.source.startswith("hf://"),
            message="revision belongs to hf:// models, but source is {source}: remove revision",
        ),
    )
