"""Every family that the project shows: what is where, and what freezing and rates make of it."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from finetune_api.v1alpha1.method import Freeze
from finetune_api.v1alpha1.training import Training
from finetune_trainer.models.freezing import choose_frozen
from finetune_trainer.models.heads import find_head, number_timm_layers
from finetune_trainer.models.layers import Layout, read_layout
from finetune_trainer.models.parameter_groups import group_parameters
from model_skeletons import build_skeletons

SKELETONS = build_skeletons()


@dataclass(frozen=True)
class Build:
    """What a family is made of.

    Attributes:
        layers: how many, from the input to the output.
        embeddings: modules before the layers; all of their parameters.
        head: modules of the output layer.
        lowest: the modules that are the lowest layer.
        highest: the module that is the highest layer.
    """

    layers: int
    embeddings: tuple[str, ...]
    head: tuple[str, ...]
    lowest: str | tuple[str, ...]
    highest: str


BUILDS: dict[str, Build] = {
    "BERT": Build(
        3, ("bert.embeddings",), ("classifier",), "bert.encoder.layer.0", "bert.encoder.layer.2"
    ),
    "RoBERTa": Build(
        3,
        ("roberta.embeddings",),
        ("classifier",),
        "roberta.encoder.layer.0",
        "roberta.encoder.layer.2",
    ),
    "DistilBERT": Build(
        3,
        ("distilbert.embeddings",),
        ("pre_classifier", "classifier"),
        "distilbert.transformer.layer.0",
        "distilbert.transformer.layer.2",
    ),
    "XLNet": Build(
        3,
        ("transformer.mask_emb", "transformer.word_embedding"),
        ("sequence_summary", "logits_proj"),
        "transformer.layer.0",
        "transformer.layer.2",
    ),
    "GPT-2": Build(
        3, ("transformer.wte", "transformer.wpe"), ("score",), "transformer.h.0", "transformer.h.2"
    ),
    "GPT-2 that writes": Build(
        3, ("transformer.wte", "transformer.wpe"), (), "transformer.h.0", "transformer.h.2"
    ),
    "Llama": Build(3, ("model.embed_tokens",), ("lm_head",), "model.layers.0", "model.layers.2"),
    "Qwen2": Build(3, ("model.embed_tokens",), ("score",), "model.layers.0", "model.layers.2"),
    "T5": Build(6, ("shared",), (), "encoder.block.0", "decoder.block.2"),
    "BART": Build(
        5,
        (
            "model.shared",
            *(
                f"model.{part}.{name}"
                for part in ("encoder", "decoder")
                for name in ("embed_positions", "layernorm_embedding")
            ),
        ),
        (),
        "model.encoder.layers.0",
        "model.decoder.layers.2",
    ),
    "BART that sorts": Build(
        5,
        (
            "model.shared",
            *(
                f"model.{part}.{name}"
                for part in ("encoder", "decoder")
                for name in ("embed_positions", "layernorm_embedding")
            ),
        ),
        ("classification_head",),
        "model.encoder.layers.0",
        "model.decoder.layers.2",
    ),
    "BERT that guesses words": Build(
        3, ("bert.embeddings",), ("cls",), "bert.encoder.layer.0", "bert.encoder.layer.2"
    ),
    "ViT": Build(3, ("vit.embeddings",), ("classifier",), "vit.layers.0", "vit.layers.2"),
    "ResNet": Build(
        3,
        ("resnet.embedder",),
        ("classifier",),
        "resnet.encoder.stages.0",
        "resnet.encoder.stages.2",
    ),
    "VGG of timm": Build(
        7,
        ("timm_model.features.0",),
        ("timm_model.head",),
        "timm_model.features.3",
        "timm_model.features.18",
    ),
    "Inception of timm": Build(
        12,
        ("timm_model.Conv2d_1a_3x3", "timm_model.Conv2d_2a_3x3", "timm_model.Conv2d_2b_3x3"),
        ("timm_model.fc",),
        ("timm_model.Conv2d_3b_1x1", "timm_model.Conv2d_4a_3x3"),
        "timm_model.Mixed_7c",
    ),
    "DETR": Build(
        7,
        ("model.backbone.model.embedder",),
        ("class_labels_classifier", "bbox_predictor"),
        "model.backbone.model.encoder.stages.0",
        "model.decoder.layers.1",
    ),
    "Wav2Vec2": Build(
        3,
        (
            "wav2vec2.masked_spec_embed",
            "wav2vec2.feature_extractor",
            "wav2vec2.feature_projection",
            "wav2vec2.encoder.pos_conv_embed",
            "wav2vec2.encoder.layer_norm",
        ),
        ("projector", "classifier"),
        "wav2vec2.encoder.layers.0",
        "wav2vec2.encoder.layers.2",
    ),
    "Wav2Vec2 that writes": Build(
        3,
        (
            "wav2vec2.masked_spec_embed",
            "wav2vec2.feature_extractor",
            "wav2vec2.feature_projection",
            "wav2vec2.encoder.pos_conv_embed",
            "wav2vec2.encoder.layer_norm",
        ),
        ("lm_head",),
        "wav2vec2.encoder.layers.0",
        "wav2vec2.encoder.layers.2",
    ),
}
TABLE = pytest.mark.parametrize("family", [pytest.param(family, id=family) for family in BUILDS])


@cache
def build_model(family: str) -> Any:
    return SKELETONS[family]().build()


def list_names(family: str) -> list[str]:
    return [name for name, _ in build_model(family).named_parameters()]


def read(family: str) -> Layout:
    model = build_model(family)
    return read_layout(list_names(family), find_head(model), number_timm_layers(model))


def within(family: str, *modules: str | tuple[str, ...]) -> set[str]:
    """Name the parameters of some modules; each must have some."""
    modules = tuple(m for some in modules for m in (some if isinstance(some, tuple) else (some,)))
    found = {m: {n for n in list_names(family) if f"{n}.".startswith(f"{m}.")} for m in modules}
    assert all(found.values()), f"{family} has nothing in {[m for m in found if not found[m]]}"
    return set().union(*found.values())


def test_every_family_is_in_the_table() -> None:
    assert BUILDS.keys() == SKELETONS.keys()


@TABLE
def test_layers_are_counted_from_the_input_to_the_output(family: str) -> None:
    layout, build = read(family), BUILDS[family]

    assert layout.layer_count == build.layers
    numbers = [
        {layout.layer_of[name] for name in within(family, module)}
        for module in (build.lowest, build.highest)
    ]
    assert numbers == [{0}, {build.layers - 1}]


@TABLE
def test_embeddings_are_what_comes_before_the_layers(family: str) -> None:
    assert read(family).embeddings == within(family, *BUILDS[family].embeddings)


@TABLE
def test_the_head_is_exactly_the_output_layer(family: str) -> None:
    assert read(family).head == within(family, *BUILDS[family].head)


@TABLE
def test_freezing_the_lowest_layer_freezes_nothing_else(family: str) -> None:
    frozen = choose_frozen(Freeze(lowest_layers=1), list_names(family), read(family))

    assert frozen == within(family, BUILDS[family].lowest)


@TABLE
def test_rates_fall_from_the_output_to_the_input(family: str) -> None:
    build, names = BUILDS[family], list_names(family)
    has_head = bool(build.head)
    training = Training(
        learning_rate=1e-3,
        head_learning_rate=1e-2 if has_head else None,
        layerwise_learning_rate_decay=0.5,
    )

    groups = group_parameters(names, names, read(family), training)

    rates = {name: group.learning_rate for group in groups for name in group.names}
    assert rates.keys() == set(names)
    expected = {
        0.5 ** (build.layers - 1): within(family, build.lowest),
        1.0: within(family, build.highest),
        0.5**build.layers: within(family, *build.embeddings),
    }
    for factor, own in expected.items():
        assert {rates[name] / 1e-3 for name in own} == {factor}
    assert {rates[name] for name in within(family, *build.head)} == ({1e-2} if has_head else set())
