from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.tasks import encoding
from finetune_trainer.tasks.base import Encoded, Judged, Rows
from finetune_trainer.tasks.text_classification import TEXT_CLASSIFICATION, encode_rows
from trainer_models import make_tiny_bert
from trainer_tasks import a_part, a_spec, settings_of


def test_texts_become_tokens_and_labels_become_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(make_tiny_bert(tmp_path))
    monkeypatch.setattr(encoding, "TEXTS_PER_PORTION", 2)
    part = a_part(
        text=["a good movie", "bad " * 20, "§ film", "dull", "the end"],
        label=["bad", "good", "bad", "good", "bad"],
    )
    settings = settings_of("TextClassification", labels=("bad", "good"), max_length=8)

    encoded = encode_rows(part, tokenizer, settings)

    assert encoded.lengths == [5, 8, 4, 3, 4]
    assert (encoded.truncated, encoded.unknown) == (1, 1)
    assert [row["labels"] for row in encoded.features] == [0, 1, 0, 1, 0]
    assert tokenizer.decode(encoded.features[0]["input_ids"]) == "[CLS] a good movie [SEP]"


SEVERAL: dict[str, Any] = {
    "dataset": {"train": {"source": "pvc://data/train.jsonl"}, "columns": {"labels": "kinds"}}
}
PAIRS: dict[str, Any] = {
    "dataset": {"train": {"source": "pvc://data/train.jsonl"}, "columns": {"textPair": "second"}}
}


def test_two_texts_become_one_row_and_the_longer_is_cut(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(make_tiny_bert(tmp_path))
    part = a_part(text=["good film", "bad"], text_pair=["the plot " * 9, "dull cast"])

    encoded = encode_rows(part, tokenizer, settings_of("TextClassification", max_length=9, **PAIRS))

    texts = [tokenizer.decode(row["input_ids"]) for row in encoded.features]
    assert texts[0] == "[CLS] good film [SEP] the plot the plot [SEP]"
    assert texts[1] == "[CLS] bad [SEP] dull cast [SEP]"
    assert encoded.truncated == 1


def test_a_pair_is_told_apart_by_both_texts() -> None:
    needs = TEXT_CLASSIFICATION.find_needs(a_spec("TextClassification", **PAIRS).dataset)

    assert [(c.role, c.kind) for c in needs.columns] == [
        ("text", Kind.TEXT),
        ("text_pair", Kind.TEXT),
        ("label", Kind.LABEL),
    ]
    assert needs.identity == ("text", "text_pair")


def test_several_labels_become_a_mark_for_each(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(make_tiny_bert(tmp_path))
    settings = settings_of("TextClassification", labels=("a", "b", "c"), **SEVERAL)
    part = a_part(text=["good", "a bad film"], labels=[["c", "a"], []])

    encoded = encode_rows(part, tokenizer, settings)
    batch = TEXT_CLASSIFICATION.build_collator(tokenizer, settings)(encoded.features)

    assert batch["labels"].tolist() == [[1, 0, 1], [0, 0, 0]]
    assert str(batch["labels"].dtype) == "torch.float32"


@pytest.mark.parametrize(
    ("sections", "kind"),
    [
        pytest.param({}, "single_label_classification", id="one label excludes the others"),
        pytest.param(SEVERAL, "multi_label_classification", id="several labels do not"),
    ],
)
def test_the_model_is_told_whether_labels_exclude_each_other(
    sections: dict[str, Any], kind: str
) -> None:
    dataset = a_spec("TextClassification", **sections).dataset

    configured = TEXT_CLASSIFICATION.configure(("a", "b"), dataset)

    assert (configured["problem_type"], configured["num_labels"]) == (kind, 2)


def test_several_labels_are_measured_and_told_one_by_one() -> None:
    targets = np.array([[1, 0], [1, 1]], dtype=np.float32)
    rows = Rows(a_part(labels=[["a"], ["a", "b"]]), Encoded([{"labels": t} for t in targets], []))
    settings = settings_of("TextClassification", labels=("a", "b"), **SEVERAL)
    judged = Judged({"logits": np.array([[2.0, -2.0], [2.0, -1.0]])}, rows, settings, None)

    assert TEXT_CLASSIFICATION.measure(judged)["accuracy"] == 0.5
    assert TEXT_CLASSIFICATION.describe(judged) == ["a 0.88", "a 0.88"]


def test_the_baseline_of_several_labels_is_their_commonest_set() -> None:
    train = a_part(labels=[["a"], ["a"], ["b"]])

    scores = TEXT_CLASSIFICATION.measure_baseline(train, a_part(labels=[["a"], []]), ("a", "b"))

    assert scores["accuracy"] == 0.5
