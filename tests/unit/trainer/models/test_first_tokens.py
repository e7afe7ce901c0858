"""The last layer computed for one token gives what the whole of it gives."""

from typing import Any

import pytest
import torch
import transformers
from torch.nn.functional import cross_entropy

from finetune_trainer.models.first_tokens import READERS, read_first_tokens

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")

VOCABULARY, PICTURE = 40, 16
SIZES = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2}
TEXTS = SIZES | {"vocab_size": VOCABULARY, "intermediate_size": 32, "max_position_embeddings": 40}
CONFIGURED: dict[str, dict[str, Any]] = {
    "DistilBertForSequenceClassification": {
        "vocab_size": VOCABULARY, "dim": 16, "n_layers": 3, "n_heads": 2, "hidden_dim": 32,
    },
    "ViTForImageClassification": SIZES
    | {"intermediate_size": 32, "image_size": PICTURE, "patch_size": 8},
}  # fmt: skip


def build(name: str, **changes: Any) -> Any:
    kind: Any = getattr(transformers, name)
    torch.manual_seed(0)
    model = kind(kind.config_class(**CONFIGURED.get(name, TEXTS) | changes))
    for parameter in model.parameters():  # biases of zero would hide one that is left out
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def make_batch(model: Any) -> dict[str, torch.Tensor]:
    """Pictures, or texts of different lengths."""
    if model.main_input_name == "pixel_values":
        return {"pixel_values": torch.randn(3, 3, PICTURE, PICTURE)}
    seen = torch.ones(3, 12, dtype=torch.long)
    seen[1, 5:] = 0
    tokens = torch.randint(4, VOCABULARY, seen.shape)
    return {"input_ids": tokens.where(seen == 1, model.config.pad_token_id), "attention_mask": seen}


def learn(model: Any, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Give the answer and the gradients of all parameters."""
    model.zero_grad()
    answer = model(**batch).logits
    cross_entropy(answer, torch.tensor([0, 1, 1])).backward()
    gradients = {
        name: each.grad for name, each in model.named_parameters() if each.grad is not None
    }
    return {"the answer": answer.detach()} | gradients


@pytest.mark.parametrize("name", READERS)
def test_answers_and_gradients_stay_the_same(name: str) -> None:
    model = build(name)
    batch = make_batch(model)
    expected = learn(model, batch)

    assert read_first_tokens(model)

    torch.testing.assert_close(learn(model, batch), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", READERS)
def test_only_one_token_leaves_the_last_layer(name: str) -> None:
    model = build(name)
    read_first_tokens(model)

    found = model.base_model(**make_batch(model)).last_hidden_state

    assert found.shape == (3, 1, 16)


@pytest.mark.parametrize("name", READERS)
def test_weights_of_attention_are_dropped_while_training(name: str) -> None:
    elsewhere = {"hidden_dropout_prob": 0.0, "dropout": 0.0, "seq_classif_dropout": 0.0}
    key = "attention_dropout" if name.startswith("Distil") else "attention_probs_dropout_prob"
    model = build(name, **elsewhere | {"classifier_dropout": 0.0, key: 0.5}).train()
    read_first_tokens(model)
    batch = make_batch(model)

    first, second = (model(**batch).logits for _ in range(2))

    assert not torch.equal(first, second)


def test_a_whole_text_that_is_seen_needs_no_mask() -> None:
    model = build("BertForSequenceClassification")
    batch = make_batch(model) | {"attention_mask": torch.ones(3, 12, dtype=torch.long)}
    expected = learn(model, batch)

    read_first_tokens(model)

    torch.testing.assert_close(learn(model, batch), expected, rtol=1e-4, atol=1e-5)


def test_layers_that_are_computed_again_on_the_way_back_give_the_same() -> None:
    model = build("RobertaForSequenceClassification").train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    batch = make_batch(model)
    expected = learn(model, batch)

    read_first_tokens(model)
    model.activation_checkpointing_enable()

    torch.testing.assert_close(learn(model, batch), expected, rtol=1e-4, atol=1e-5)


def test_a_model_in_an_adapter_is_found() -> None:
    import peft

    wanted = peft.LoraConfig(task_type="SEQ_CLS", target_modules=["query", "value"])
    model = peft.get_peft_model(build("BertForSequenceClassification"), wanted).eval()
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    batch = make_batch(model.get_base_model())
    expected = learn(model, batch)

    assert read_first_tokens(model)

    torch.testing.assert_close(learn(model, batch), expected, rtol=1e-4, atol=1e-5)


def test_a_prefix_before_the_text_is_looked_at() -> None:
    import peft

    wanted = peft.PrefixTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=3)
    model = peft.get_peft_model(build("BertForSequenceClassification"), wanted).eval()
    batch = make_batch(model.get_base_model())
    expected = learn(model, batch)

    read_first_tokens(model)

    torch.testing.assert_close(learn(model, batch), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"is_decoder": True}, id="a decoder, whose first token sees no other"),
        pytest.param({"chunk_size_feed_forward": 4}, id="chunks of tokens"),
        pytest.param({"attn_implementation": "eager"}, id="another attention"),
    ],
)
def test_special_models_are_left_as_they_are(changes: dict[str, Any]) -> None:
    model = build("BertForSequenceClassification", **changes)

    assert not read_first_tokens(model)


@pytest.mark.parametrize("name", ["BertForTokenClassification", "BertForMaskedLM"])
def test_models_that_read_all_tokens_are_left_as_they_are(name: str) -> None:
    assert not read_first_tokens(build(name))


def test_asked_twice_only_the_last_layer_is_exchanged() -> None:
    model = build("BertForSequenceClassification")
    kinds = [type(layer) for layer in model.base_model.encoder.layer[:-1]]

    assert read_first_tokens(model)
    exchanged = type(model.base_model.encoder.layer[-1])
    assert read_first_tokens(model)

    now = [type(layer) for layer in model.base_model.encoder.layer]
    assert now == [*kinds, exchanged]
    assert exchanged.__name__ == "BertLayer"
