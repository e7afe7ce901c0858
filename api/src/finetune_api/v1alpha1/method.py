"""spec.method: which weights move."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from finetune_api.models import ApiModel
from finetune_api.rules import Rule
from finetune_api.v1alpha1.fields import UniqueList

MethodType = Literal[
    "Full", "FeatureExtraction", "LoRA", "QLoRA", "IA3", "PromptTuning", "PrefixTuning"
]
ADAPTER_METHODS: frozenset[MethodType] = frozenset(
    {"LoRA", "QLoRA", "IA3", "PromptTuning", "PrefixTuning"}
)
"""Methods that leave the model as it is and train a few weights beside it."""
ModulePattern = Annotated[
    str, Field(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9_.*?\[\]-]+$")
]
ModuleName = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_.]+$")]

LEARNING_RATES: dict[MethodType, float] = {
    "Full": 2e-5,
    "FeatureExtraction": 1e-3,
    "LoRA": 1e-3,
    "QLoRA": 2e-4,
    "IA3": 3e-3,
    "PromptTuning": 1e-2,
    "PrefixTuning": 1e-2,
}
"""The learning rate of a job that names none: the fewer weights move, the higher."""


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


class GradualUnfreezing(ApiModel):
    """Train the output layer first, then layer after layer from the top, then the embeddings."""

    every_epochs: int = Field(
        default=1, ge=1, le=100, description="Epochs between two steps of unfreezing."
    )
    layers_per_step: int = Field(
        default=1, ge=1, le=200, description="Layers that each step adds, from the top down."
    )


class Lora(ApiModel):
    """The size of the low-rank matrices of LoRA and QLoRA."""

    rank: int = Field(
        default=8, ge=1, le=1024, description="The rank: more learns more and forgets more."
    )
    alpha: float = Field(
        default=16, gt=0, le=4096, description="The weight of the adapter is alpha / rank."
    )
    dropout: float = Field(default=0.05, ge=0, le=0.9, description="Dropout before the adapter.")
    target_modules: UniqueList[ModuleName] = Field(
        default=[],
        max_length=50,
        description=(
            "The linear layers that get an adapter, by the end of their names, for example query."
            " Default: the attention projections that the family of the model is known for."
        ),
    )


class PromptTuning(ApiModel):
    """The virtual tokens of PromptTuning and PrefixTuning."""

    virtual_tokens: int = Field(
        default=20, ge=1, le=1000, description="Tokens that are learned and put before every text."
    )
    initial_text: str | None = Field(
        default=None,
        min_length=1,
        max_length=2000,
        description=(
            "PromptTuning: words to begin with instead of random ones, for example 'Classify the"
            " mood of this review:'."
        ),
    )


def _belongs_to(field: str, attribute: str, *methods: MethodType) -> Rule:
    known = ", ".join(f"'{method}'" for method in methods)
    return Rule(
        cel=f"!has(self.{field}) || self.type in [{known}]",
        holds=lambda m: getattr(m, attribute) is None or m.type in methods,
        message=f"{field} belongs to type {' and '.join(methods)}, but type is {{type}}: remove"
        f" {field}, or set type",
    )


class Method(ApiModel):
    """How the model is adapted."""

    type: MethodType = Field(
        default="Full",
        description=(
            "Full trains all weights that are not frozen. FeatureExtraction trains the output layer"
            " alone; the rest stands still altogether: no dropout, and norms keep their statistics."
            " LoRA and QLoRA (the model in four bits, on a GPU) train small matrices beside"
            " the weights, IA3 factors, PromptTuning and PrefixTuning virtual tokens."
        ),
    )
    freeze: Freeze = Field(default=Freeze(), description="Weights that stay as they are.")
    gradual_unfreezing: GradualUnfreezing | None = Field(
        default=None,
        description="Train the output layer first, then layer after layer from the top.",
    )
    lora: Lora | None = Field(default=None, description="The size of the adapter of LoRA, QLoRA.")
    prompt_tuning: PromptTuning | None = Field(
        default=None, description="The virtual tokens of PromptTuning, PrefixTuning."
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        _belongs_to("gradualUnfreezing", "gradual_unfreezing", "Full"),
        _belongs_to("lora", "lora", "LoRA", "QLoRA"),
        _belongs_to("promptTuning", "prompt_tuning", "PromptTuning", "PrefixTuning"),
        Rule(
            cel=(
                "self.type == 'Full' || !(self.freeze.embeddings || self.freeze.lowestLayers > 0 ||"
                " size(self.freeze.modules) > 0)"
            ),
            holds=lambda m: m.type == "Full" or m.freeze == Freeze(),
            message=(
                "freeze belongs to type Full, but type is {type}, which keeps the model's weights"
                " as they are anyway: remove freeze"
            ),
        ),
        Rule(
            cel=(
                "self.type != 'PrefixTuning' || !has(self.promptTuning) ||"
                " !has(self.promptTuning.initialText)"
            ),
            holds=lambda m: (
                m.type != "PrefixTuning"
                or m.prompt_tuning is None
                or m.prompt_tuning.initial_text is None
            ),
            message=(
                "promptTuning.initialText is '{promptTuning.initialText}' but type is PrefixTuning,"
                " whose tokens are no words: remove initialText, or set type to PromptTuning"
            ),
        ),
    )
