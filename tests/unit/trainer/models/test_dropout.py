from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import transformers

from finetune_api.v1alpha1.pretrained import Dropout
from finetune_trainer.errors import ConfigError
from finetune_trainer.models.dropout import choose_dropout, set_dropout
from model_skeletons import build_skeletons
from trainer_tasks import a_spec

BERT = SimpleNamespace(
    model_type="bert",
    hidden_dropout_prob=0.1,
    attention_probs_dropout_prob=0.1,
    classifier_dropout=None,
)
DISTILBERT = SimpleNamespace(
    model_type="distilbert", dropout=0.1, attention_dropout=0.1, seq_classif_dropout=0.2
)
GPT2 = SimpleNamespace(model_type="gpt2", resid_pdrop=0.1, embd_pdrop=0.1, attn_pdrop=0.1)


@pytest.mark.parametrize(
    ("config", "chosen"),
    [
        pytest.param(
            BERT,
            {
                "hidden_dropout_prob": 0.2,
                "attention_probs_dropout_prob": 0.3,
                "classifier_dropout": 0.4,
            },
            id="BERT",
        ),
        pytest.param(
            DISTILBERT,
            {"dropout": 0.2, "attention_dropout": 0.3, "seq_classif_dropout": 0.4},
            id="DistilBERT",
        ),
    ],
)
def test_each_family_has_its_own_names(config: SimpleNamespace, chosen: dict[str, float]) -> None:
    dropout = Dropout(hidden=0.2, attention=0.3, classifier=0.4)

    assert choose_dropout(dropout, config) == chosen


def test_all_places_of_a_kind_are_set() -> None:
    assert choose_dropout(Dropout(hidden=0.0), GPT2) == {"resid_pdrop": 0.0, "embd_pdrop": 0.0}


def test_what_is_not_set_stays_as_it_is() -> None:
    assert choose_dropout(Dropout(), BERT) == {}


def test_a_dropout_that_the_model_lacks_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"model\.dropout\.classifier is 0\.1, but a gpt2 model"):
        choose_dropout(Dropout(classifier=0.1), GPT2)


@pytest.mark.parametrize(
    ("family", "kinds"),
    [
        pytest.param("BERT", ("hidden", "attention", "classifier"), id="BERT"),
        pytest.param("RoBERTa", ("hidden", "attention", "classifier"), id="RoBERTa"),
        pytest.param("DistilBERT", ("hidden", "attention", "classifier"), id="DistilBERT"),
        pytest.param("XLNet", ("hidden", "classifier"), id="XLNet"),
        pytest.param("GPT-2", ("hidden", "attention"), id="GPT-2"),
        pytest.param("Llama", ("attention",), id="Llama"),
        pytest.param("Qwen2", ("attention",), id="Qwen2"),
        pytest.param("T5", ("hidden",), id="T5"),
        pytest.param("BART", ("hidden", "attention"), id="BART"),
        pytest.param("BART that sorts", ("hidden", "attention", "classifier"), id="BART sorts"),
        pytest.param("ViT", ("hidden", "attention"), id="ViT"),
        pytest.param("ResNet", (), id="ResNet"),
        pytest.param("VGG of timm", (), id="timm"),
        pytest.param("DETR", ("hidden", "attention"), id="DETR"),
        pytest.param("Wav2Vec2", ("hidden", "attention"), id="Wav2Vec2"),
        pytest.param("Wav2Vec2 that writes", ("hidden", "attention", "classifier"), id="CTC"),
    ],
)
def test_each_family_listens_or_is_refused_by_name(family: str, kinds: tuple[str, ...]) -> None:
    """GPT-2 and Wav2Vec2 have attributes for output layers that this task does not build."""
    for kind in ("hidden", "attention", "classifier"):
        refused = pytest.raises(ConfigError, match=rf"model\.dropout\.{kind} is 0\.25")
        with nullcontext() if kind in kinds else refused:
            assert 0.25 in vars(configure_with(family, kind)).values()


def configure_with(family: str, kind: str) -> Any:
    skeleton = build_skeletons()[family]()
    spec = a_spec("TextClassification", model={"source": "pvc://m/x", "dropout": {kind: 0.25}})
    config = skeleton.configure()
    set_dropout(spec, config, getattr(transformers, skeleton.auto_model))
    return config
