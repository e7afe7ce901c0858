"""spec.resources, .scheduling, .output and .retries: where a job runs and what it leaves.

An allow-list on purpose: whoever may create FineTuneJobs need not be allowed to create pods, so
every field that shapes a pod is a privilege. There is no PodSpec here and no way to smuggle one in.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from finetune_api.models import ApiModel
from finetune_api.quantities import Quantity
from finetune_api.rules import Rule
from finetune_api.sources import DestinationUri
from finetune_api.v1alpha1.fields import LABEL_KEY_PATTERN, KubernetesName, LabelKey, UniqueList

LabelValue = Annotated[
    str, Field(max_length=63, pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")
]


OutputFormat = Literal["Safetensors", "MergedAdapter", "ONNX"]
Strategy = Literal["Auto", "DDP", "FSDP"]


class Resources(ApiModel):
    """What each training pod asks for, and how many there are."""

    nodes: int = Field(
        default=1,
        ge=1,
        le=64,
        description=(
            "Training pods, which share the rows of each step; each asks for the resources below."
            " Claims must then be mountable by several nodes (ReadWriteMany)."
        ),
    )
    gpus_per_node: int = Field(
        default=1,
        ge=0,
        le=16,
        description=(
            "GPUs of each pod, with one process for each; 0 trains on the CPU, with one process for"
            " each pod."
        ),
    )
    gpu_resource_name: Annotated[
        str,
        Field(
            max_length=128,
            pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
        ),
    ] = Field(
        default="nvidia.com/gpu", description="The resource that stands for a GPU on your nodes."
    )
    cpu: Quantity = Field(
        default="2", description="CPU cores to ask for; the number of threads follows it."
    )
    memory: Quantity = Field(
        default="8Gi",
        description=(
            "Memory to ask for, and the limit: what needs more is ended with HostOutOfMemory."
        ),
    )
    ephemeral_storage: Quantity = Field(
        default="10Gi", description="Local disk for downloads and caches."
    )
    shared_memory: Quantity = Field(
        default="1Gi", description="Size of /dev/shm, which data loaders use; part of memory."
    )

    @property
    def processes_per_node(self) -> int:
        """Processes in each pod: one for each GPU, one where there is none."""
        return max(1, self.gpus_per_node)

    @property
    def processes(self) -> int:
        """Processes that train together."""
        return self.nodes * self.processes_per_node


class Distribution(ApiModel):
    """How several processes share one training."""

    strategy: Strategy = Field(
        default="Auto",
        description=(
            "DDP: each process holds the whole model. FSDP: weights, gradients and states of the"
            " optimizer are spread over the processes, for models that no single GPU holds; it"
            " sends more, and trains by the methods Full and LoRA. Auto is DDP."
        ),
    )


class Toleration(ApiModel):
    """A taint of a node that does not keep the training pod away."""

    key: LabelKey | None = Field(
        default=None, description="The taint's key; unset with operator Exists means every taint."
    )
    operator: Literal["Equal", "Exists"] = Field(
        default="Equal", description="How the taint is matched."
    )
    value: LabelValue | None = Field(
        default=None, description="The taint's value, with operator Equal."
    )
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="The taint's effect; unset means all."
    )
    toleration_seconds: int | None = Field(
        default=None,
        ge=0,
        le=31_536_000,
        description="How long a NoExecute taint is tolerated; unset means for ever.",
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="self.operator != 'Exists' || !has(self.value)",
            holds=lambda t: t.operator != "Exists" or t.value is None,
            message="value is '{value}' but operator is Exists: remove value or use operator Equal",
        ),
        Rule(
            cel="self.operator != 'Equal' || has(self.key)",
            holds=lambda t: t.operator != "Equal" or t.key is not None,
            message=(
                "key is missing but operator is Equal: set key, or use operator Exists for every"
                " taint"
            ),
        ),
        Rule(
            cel="!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            holds=lambda t: t.toleration_seconds is None or t.effect == "NoExecute",
            message=(
                "tolerationSeconds is {tolerationSeconds} but belongs to effect NoExecute: set the"
                " effect or remove tolerationSeconds"
            ),
        ),
    )


class Scheduling(ApiModel):
    """Which nodes the training pod may run on."""

    node_selector: dict[LabelKey, LabelValue] = Field(
        default={}, max_length=32, description="Labels that the node must have."
    )
    tolerations: list[Toleration] = Field(
        default=[],
        max_length=32,
        description="Taints of nodes that do not keep the pod away.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    priority_class_name: KubernetesName | None = Field(
        default=None,
        description="The PriorityClass of the pod; an unknown one is refused by the cluster.",
    )
    runtime_class_name: KubernetesName | None = Field(
        default=None, description="The RuntimeClass of the pod, for example a sandbox for GPUs."
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel=f"self.nodeSelector.all(key, key.matches(r'{LABEL_KEY_PATTERN}'))",
            holds=lambda _: True,  # the type of the keys says it in Python
            message=(
                "nodeSelector holds a key that is no label key: write it like team or "
                "example.com/team"
            ),
        ),
    )


class Output(ApiModel):
    """Where the model goes."""

    destination: DestinationUri | None = Field(
        default=None,
        description=(
            "Where the model, its tokenizer, metrics and card go: pvc://claim/path, a folder;"
            " s3://bucket/path, in which result.json comes last, so that no half is ever taken for"
            " whole; or hf://org/name, one commit in a repository that is made private. Both are"
            " written with the credentials of model.credentialsSecretName; checkpoints then lie on"
            " a claim that goes with the job. Default: a claim named after the job is made; it"
            " outlives the job and is named in status.artifacts."
        ),
    )
    formats: UniqueList[OutputFormat] = Field(
        default=["Safetensors"],
        min_length=1,
        max_length=3,
        description=(
            "Safetensors is the model as it was trained; of an adapter method, the adapter alone."
            " MergedAdapter is the model with the adapter built in; where both are named, the"
            " adapter lies in the folder adapter beneath it. ONNX is for serving without"
            " Python: a folder onnx beside the model, compared with it before it is published; for"
            " tasks that answer in one pass."
        ),
    )


class Retries(ApiModel):
    """How often a failed attempt is repeated. Permanent failures never are."""

    maximum: int = Field(default=3, ge=0, le=20, description="Attempts after the first one.")
    backoff_seconds: int = Field(
        default=10,
        ge=0,
        le=3600,
        description="Pause before the first repetition; it doubles each time, up to ten minutes.",
    )
