import pytest

from finetune_trainer.errors import ConfigError
from finetune_trainer.models.layers import read_layout


@pytest.mark.parametrize(
    ("embedding", "layers", "head"),
    [
        pytest.param(
            "bert.embeddings.word_embeddings.weight",
            ["bert.encoder.layer.3.attention.self.query.weight"],
            "classifier.weight",
            id="a number behind a dot",
        ),
        pytest.param(
            "timm_model.conv1.weight",
            ["timm_model.layer1.0.conv1.weight"],
            "timm_model.fc.weight",
            id="a number in the name",
        ),
        pytest.param(
            "resnet.embedder.convolution.weight",
            ["resnet.encoder.stages.0.layers.1.layer.0.convolution.weight"],
            "classifier.1.weight",
            id="stages of layers",
        ),
    ],
)
def test_names_tell_what_they_are(embedding: str, layers: list[str], head: str) -> None:
    layout = read_layout([embedding, *layers, head], {head})

    assert layout.embeddings == {embedding}
    assert layout.layer_of == {layers[0]: 0}
    assert layout.head == {head}
    assert layout.layer_count == 1


def test_the_layers_of_a_decoder_go_on_where_the_encoder_ends() -> None:
    names = [f"{part}.block.{n}.wi.weight" for part in ("encoder", "decoder") for n in range(2)]

    layout = read_layout(names, ())

    assert [layout.layer_of[name] for name in names] == [0, 1, 2, 3]


def test_the_embeddings_of_a_decoder_are_embeddings_though_layers_come_before() -> None:
    names = ["shared.weight", "encoder.layers.0.w", "decoder.embed_positions.weight"]

    layout = read_layout(names, ())

    assert layout.embeddings == {"shared.weight", "decoder.embed_positions.weight"}
    assert layout.level_of["decoder.embed_positions.weight"] == 0


def test_a_position_embedding_inside_a_layer_belongs_to_the_layer() -> None:
    name = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.embeddings.weight"

    layout = read_layout([name], ())

    assert not layout.embeddings
    assert layout.layer_of == {name: 0}


def test_what_lies_above_a_layer_is_as_high_as_that_layer() -> None:
    names = ["embeddings.w", "encoder.layer.0.w", "encoder.norm.w", "decoder.layer.0.w", "pooler.w"]

    layout = read_layout(names, ())

    assert [layout.level_of[name] for name in names] == [0, 1, 1, 2, 2]
    assert layout.embeddings == {"embeddings.w"}


def test_without_layers_only_names_tell_the_embeddings() -> None:
    layout = read_layout(["embeddings.weight", "body.weight"], ())

    assert layout.embeddings == {"embeddings.weight"}
    assert layout.layer_count == 0


def test_what_needs_layers_is_refused_without_them() -> None:
    with pytest.raises(ConfigError, match="the wish, but the model has no numbered layers"):
        read_layout(["body.weight"], ()).require_layers("the wish")
