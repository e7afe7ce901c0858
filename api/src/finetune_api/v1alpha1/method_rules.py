"""Which fields do nothing under a method, and are therefore refused under it.

Like `effects`, but by method and not by task; `spec_rules` lists these rules among its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from finetune_api.rules import Rule, look_up
from finetune_api.v1alpha1.method import MethodType

_PROMPTS: tuple[MethodType, ...] = ("PromptTuning", "PrefixTuning")


@dataclass(frozen=True, slots=True)
class NoEffect:
    """A field that does nothing under some methods.

    Attributes:
        path: the field under spec, as in YAML.
        methods: where it does nothing.
        off: the value that turns it off; None for a field that is unset by default.
        reason: why, as the end of a sentence about the method.
    """

    path: str
    methods: tuple[MethodType, ...]
    off: float | bool | None
    reason: str


_STILL = "which trains the output layer alone and asks a body that stands still"
NO_EFFECTS: tuple[NoEffect, ...] = (
    NoEffect("training.layerwiseLearningRateDecay", ("FeatureExtraction",), 1.0, _STILL),
    NoEffect("training.gradientCheckpointing", ("FeatureExtraction",), False, _STILL),
    NoEffect("training.neftuneNoiseAlpha", ("FeatureExtraction",), 0.0, _STILL),
    NoEffect("model.dropout.hidden", ("FeatureExtraction",), None, _STILL),
    NoEffect("model.dropout.attention", ("FeatureExtraction",), None, _STILL),
    NoEffect(
        "training.layerwiseLearningRateDecay",
        _PROMPTS,
        1.0,
        "whose virtual tokens are in no layer of the model",
    ),
    NoEffect(
        "training.neftuneNoiseAlpha",
        _PROMPTS,
        0.0,
        "whose virtual tokens are trained against the embeddings of words as they are",
    ),
    NoEffect(
        "training.packing",
        _PROMPTS,
        False,
        "whose virtual tokens would come before the first row of each sequence only",
    ),
    NoEffect(
        "training.gradientCheckpointing",
        ("PrefixTuning",),
        False,
        "whose prefix lies in a cache that checkpointing turns off",
    ),
)


def build_method_rules() -> tuple[Rule, ...]:
    """Give a rule for each row of the table, and for a second rate where only one counts."""
    return (*(_refuse_under(row) for row in NO_EFFECTS), _one_rate_for_the_head())


def _refuse_under(row: NoEffect) -> Rule:
    named = ", ".join(f"'{method}'" for method in row.methods)
    return Rule(
        cel=f"!(self.method.type in [{named}]) || {_unset_in_cel(row)}",
        holds=_is_unset_under(row),
        message=(
            f"{row.path} has no effect under method.type {{method.type}}, {row.reason}: remove it"
        ),
    )


def _is_unset_under(row: NoEffect) -> Callable[[Any], bool]:
    return lambda spec: spec.method.type not in row.methods or look_up(spec, row.path) == row.off


def _unset_in_cel(row: NoEffect) -> str:
    if row.off is None:
        return f"!has(self.{row.path})"
    return f"!self.{row.path}" if row.off is False else f"self.{row.path} == {row.off}"


def _one_rate_for_the_head() -> Rule:
    # A resolved job has both, and they are the same.
    return Rule(
        cel=(
            "self.method.type != 'FeatureExtraction' || !has(self.training.headLearningRate) ||"
            " (has(self.training.learningRate) &&"
            " self.training.headLearningRate == self.training.learningRate)"
        ),
        holds=lambda s: (
            s.method.type != "FeatureExtraction"
            or s.training.head_learning_rate in (None, s.training.learning_rate)
        ),
        message=(
            "training.headLearningRate is {training.headLearningRate}, but method.type"
            " FeatureExtraction trains nothing but the output layer: set training.learningRate"
            " instead"
        ),
    )
