import pytest

from finetune_trainer.models.layers import read_layout


@pytest.mark.parametrize(
    ("prefix", "embedding", "layer", "head"),
    [
        pytest.param(
            "bert",
            "bert.embeddings.word_embeddings.weight",
            "bert.encoder.layer.3.attention.self.query.weight",
            "classifier.weight",
            id="BERT",
        ),
        pytest.param(
            "distilbert",
            "distilbert.embeddings.position_embeddings.weight",
            "distilbert.transformer.layer.3.ffn.lin1.bias",
            "pre_classifier.weight",
            id="DistilBERT",
        ),
        pytest.param(
            "transformer",
            "transformer.wte.weight",
            "transformer.h.3.attn.c_attn.weight",
            "score.weight",
            id="GPT-2",
        ),
        pytest.param(
            "model",
            "model.embed_tokens.weight",
            "model.layers.3.self_attn.q_proj.weight",
            "score.weight",
            id="Llama",
        ),
    ],
)
def test_families_are_read_alike(prefix: str, embedding: str, layer: str, head: str) -> None:
    layout = read_layout([embedding, layer, head], prefix)

    assert layout.embeddings == {embedding}
    assert layout.layer_of == {layer: 3}
    assert layout.head == {head}
    assert layout.layer_count == 4


def test_a_position_embedding_inside_a_layer_belongs_to_the_layer() -> None:
    name = "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.embeddings.weight"

    layout = read_layout([name], "encoder")

    assert not layout.embeddings
    assert layout.layer_of == {name: 0}


def test_what_lies_above_the_layers_is_neither() -> None:
    layout = read_layout(["bert.pooler.dense.weight"], "bert")

    assert (layout.embeddings, layout.layer_of, layout.head) == (frozenset(), {}, frozenset())
