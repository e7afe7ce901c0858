import pytest

from finetune_api.v1alpha1.method import Freeze
from finetune_trainer.errors import ConfigError
from finetune_trainer.models.freezing import choose_body, choose_frozen
from finetune_trainer.models.layers import read_layout

NAMES = [
    "bert.embeddings.word_embeddings.weight",
    "bert.encoder.layer.0.output.dense.weight",
    "bert.encoder.layer.1.output.dense.weight",
    "bert.pooler.dense.weight",
    "classifier.weight",
]
LAYOUT = read_layout(NAMES, {"classifier.weight"})


@pytest.mark.parametrize(
    ("freeze", "frozen"),
    [
        pytest.param(Freeze(), set(), id="nothing"),
        pytest.param(Freeze(embeddings=True), {NAMES[0]}, id="embeddings"),
        pytest.param(Freeze(lowest_layers=1), {NAMES[1]}, id="the lowest layer"),
        pytest.param(
            Freeze(embeddings=True, lowest_layers=2), set(NAMES[:3]), id="embeddings and all layers"
        ),
        pytest.param(Freeze(modules=["*.layer.1.*"]), {NAMES[2]}, id="a pattern"),
        pytest.param(Freeze(modules=["bert"]), set(NAMES[:4]), id="a whole module"),
    ],
)
def test_what_is_named_is_frozen(freeze: Freeze, frozen: set[str]) -> None:
    assert choose_frozen(freeze, NAMES, LAYOUT) == frozen


@pytest.mark.parametrize(
    ("freeze", "message"),
    [
        pytest.param(
            Freeze(lowest_layers=3), "lowestLayers is 3, but the model has 2 layers", id="too many"
        ),
        pytest.param(
            Freeze(modules=["roberta.*"]), "'roberta.*' matches no parameter", id="no match"
        ),
        pytest.param(Freeze(modules=["*"]), "nothing is left to train", id="all"),
    ],
)
def test_what_cannot_be_frozen_is_refused(freeze: Freeze, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        choose_frozen(freeze, NAMES, LAYOUT)

    assert message in str(caught.value)


def test_a_pattern_without_a_match_shows_how_names_look() -> None:
    with pytest.raises(ConfigError) as caught:
        choose_frozen(Freeze(modules=["encoder.layer.0.output"]), NAMES, LAYOUT)

    assert caught.value.hint == f"parameters are named like {NAMES[1]!r}"


def test_feature_extraction_keeps_all_but_the_head() -> None:
    assert choose_body(NAMES, LAYOUT) == set(NAMES[:4])


def test_feature_extraction_needs_an_output_layer() -> None:
    """That of GPT-2 is its embeddings: frozen, nothing would be left to train."""
    with pytest.raises(ConfigError, match="tied to the embeddings") as caught:
        choose_body(NAMES[:4], read_layout(NAMES[:4], ()))

    assert "method.type is FeatureExtraction" in str(caught.value)
