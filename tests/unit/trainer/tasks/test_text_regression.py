from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from finetune_trainer.tasks.base import Judged, Rows
from finetune_trainer.tasks.text_regression import TEXT_REGRESSION
from trainer_models import make_tiny_bert
from trainer_tasks import a_part, a_spec, settings_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_bert(tmp_path_factory.mktemp("bert"))


def test_texts_become_tokens_with_a_number(folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    settings = settings_of("TextRegression")
    part = a_part(text=["good", "a bad film"], label=[2.5, -1.0])

    encoded = TEXT_REGRESSION.encode(part, tokenizer, settings)
    batch = TEXT_REGRESSION.build_collator(tokenizer, settings)(encoded.features)

    assert batch["labels"].tolist() == [2.5, -1.0]
    assert str(batch["labels"].dtype) == "torch.float32"
    assert batch["input_ids"].shape == (2, 5)


def test_a_score_is_told_for_a_pair_of_texts(folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    part = a_part(text=["good film"], text_pair=["bad plot"])

    encoded = TEXT_REGRESSION.encode(part, tokenizer, settings_of("TextRegression"))

    (row,) = encoded.features
    assert tokenizer.decode(row["input_ids"]) == "[CLS] good film [SEP] bad plot [SEP]"
    assert row["token_type_ids"].tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert "labels" not in row


def test_a_new_output_layer_is_to_begin_at_the_mean() -> None:
    assert TEXT_REGRESSION.find_prior is not None
    assert TEXT_REGRESSION.find_prior(a_part(text=["a", "b"], label=[99.0, 101.0])) == 100.0


def test_one_output_is_compared_by_the_squared_error() -> None:
    spec = a_spec("TextRegression")

    assert TEXT_REGRESSION.configure((), spec.dataset) == {
        "num_labels": 1,
        "id2label": {0: "score"},
        "label2id": {"score": 0},
        "problem_type": "regression",
    }


def test_the_first_output_of_each_row_is_its_number() -> None:
    part = a_part(text=["a", "b"], label=[1.0, 3.0])
    tokenizer = SimpleNamespace()
    encoded: object = SimpleNamespace(features=[{"labels": np.float32(n)} for n in (1, 3)])
    judged = Judged(
        {"logits": np.array([[1.0], [4.0]])},
        Rows(part, encoded),  # type: ignore[arg-type]  # measuring reads the features alone
        settings_of("TextRegression"),
        tokenizer,
    )

    assert TEXT_REGRESSION.measure(judged)["mae"] == 0.5
    assert TEXT_REGRESSION.describe(judged) == ["1", "4"]


def test_the_baseline_is_the_mean_of_the_training_part() -> None:
    train, part = a_part(label=[1.0, 3.0]), a_part("test", label=[2.0, 5.0])

    assert TEXT_REGRESSION.measure_baseline(train, part, ())["mae"] == 1.5
