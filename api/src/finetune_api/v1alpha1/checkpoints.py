"""spec.checkpoints: how often to save, how much of it to keep, and where."""

from typing import ClassVar

from pydantic import Field

from finetune_api.models import ApiModel
from finetune_api.quantities import Quantity
from finetune_api.rules import Rule
from finetune_api.v1alpha1.evaluation import STEPS_FOR_STEPS, Interval
from finetune_api.v1alpha1.fields import KubernetesName


class CheckpointVolume(ApiModel):
    """Where checkpoints lie: an existing claim, or a new one of a size."""

    claim_name: KubernetesName | None = Field(
        default=None, description="A PersistentVolumeClaim of this namespace that exists."
    )
    size: Quantity | None = Field(
        default=None,
        description=(
            "Make a claim of this size for the job, for example 20Gi. It goes when the job is"
            " deleted."
        ),
    )
    storage_class_name: KubernetesName | None = Field(
        default=None,
        description="The storage class of the new claim; unset takes the cluster's default.",
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.claimName) != has(self.size)",
            holds=lambda v: (v.claim_name is None) != (v.size is None),
            message=(
                "exactly one of claimName and size is needed: name a claim or say how large a new"
                " one shall be"
            ),
        ),
        Rule(
            cel="!has(self.storageClassName) || has(self.size)",
            holds=lambda v: v.storage_class_name is None or v.size is not None,
            message=(
                "storageClassName is {storageClassName} but belongs to a new claim: set size or"
                " remove storageClassName"
            ),
        ),
    )


class Checkpoints(ApiModel):
    """What a restarted, preempted or resumed attempt continues from."""

    every: Interval = Field(
        default="Epoch", description="Save after each epoch, or every everySteps steps."
    )
    every_steps: int | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="Steps between two checkpoints, with every: Steps.",
    )
    keep: int = Field(
        default=2, ge=1, le=100, description="Checkpoints to keep; the best model is kept besides."
    )
    volume: CheckpointVolume | None = Field(
        default=None, description="Where checkpoints lie. Default: on the claim of the output."
    )

    rules: ClassVar[tuple[Rule, ...]] = STEPS_FOR_STEPS
