from types import SimpleNamespace

import pytest

from finetune_api.v1alpha1.pretrained import Dropout
from finetune_trainer.errors import ConfigError
from finetune_trainer.models.dropout import choose_dropout

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
