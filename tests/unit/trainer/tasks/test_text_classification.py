from pathlib import Path

import pytest

from finetune_trainer.data.tables import Origin, Part, Table
from finetune_trainer.tasks import encoding
from finetune_trainer.tasks.base import EncodeSettings
from finetune_trainer.tasks.text_classification import encode_text
from trainer_models import make_tiny_bert


def a_part(texts: list[str]) -> Part:
    labels = ["good" if number % 2 else "bad" for number in range(len(texts))]
    table = Table({"text": texts, "label": labels}, (Origin("a.csv", 0),))
    return Part("train", table, range(len(texts)))


def test_texts_become_tokens_and_labels_become_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(make_tiny_bert(tmp_path))
    monkeypatch.setattr(encoding, "TEXTS_PER_PORTION", 2)
    part = a_part(["a good movie", "bad " * 20, "§ film", "dull", "the end"])

    encoded = encode_text(part, tokenizer, EncodeSettings(max_length=8, labels=("bad", "good")))

    assert encoded.lengths == [5, 8, 4, 3, 4]
    assert (encoded.truncated, encoded.unknown) == (1, 1)
    assert [row["labels"] for row in encoded.features] == [0, 1, 0, 1, 0]
    assert tokenizer.decode(encoded[0]["input_ids"]) == "[CLS] a good movie [SEP]"
