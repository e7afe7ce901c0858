from pathlib import Path

import pytest

from finetune_trainer.tasks import encoding
from finetune_trainer.tasks.text_classification import encode_rows
from trainer_models import make_tiny_bert
from trainer_tasks import a_part, settings_of


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
