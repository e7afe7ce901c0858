"""spec.method: which weights move."""

from typing import Annotated, Literal

from pydantic import Field

from finetune_api.models import ApiModel
from finetune_api.v1alpha1.fields import UniqueList

MethodType = Literal["Full"]
ModulePattern = Annotated[
    str, Field(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9_.*?\[\]-]+$")
]


class Freeze(ApiModel):
    """Weights that stay as they are: faster, and less is forgotten."""

    embeddings: bool = Field(default=False, description="Keep the embedding layers as they are.")
    lowest_layers: int = Field(
        default=0,
        ge=0,
        le=200,
        description="Keep so many of the lowest transformer layers as they are.",
    )
    modules: UniqueList[ModulePattern] = Field(
        default=[],
        max_length=50,
        description=(
            "Keep the parameters whose name matches one of these patterns (* and ? as in file"
            " names), for example 'bert.encoder.layer.0.*'. Each must match something."
        ),
    )


class Method(ApiModel):
    """How the model is adapted."""

    type: MethodType = Field(
        default="Full", description="Full trains all weights that are not frozen."
    )
    freeze: Freeze = Field(default=Freeze(), description="Weights that stay as they are.")
