from types import SimpleNamespace
from typing import Any

import numpy as np

from finetune_trainer.tasks.padding import PadToLongest


def a_collator(side: str = "right") -> PadToLongest:
    tokenizer: Any = SimpleNamespace(pad_token_id=9, unk_token_id=1, padding_side=side)
    return PadToLongest(tokenizer)


ROWS = [
    {"input_ids": np.array([1, 2, 3], dtype=np.int32), "labels": 1},
    {"input_ids": np.array([4], dtype=np.int32), "labels": 0},
]


def test_rows_are_padded_to_the_longest_of_their_batch() -> None:
    batch = a_collator()(ROWS)

    assert batch["input_ids"].tolist() == [[1, 2, 3], [4, 9, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["labels"].tolist() == [1, 0]


def test_padding_goes_to_the_side_of_the_tokenizer() -> None:
    batch = a_collator("left")(ROWS)

    assert batch["input_ids"].tolist() == [[1, 2, 3], [9, 9, 4]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [0, 0, 1]]


def test_labels_of_tokens_are_padded_with_what_no_loss_counts() -> None:
    rows = [{**row, "labels": row["input_ids"]} for row in ROWS]

    assert a_collator()(rows)["labels"].tolist() == [[1, 2, 3], [4, -100, -100]]


def test_fractions_are_no_tokens_and_are_not_padded() -> None:
    rows = [{**row, "labels": np.array([0.0, 1.0])} for row in ROWS]

    labels = a_collator()(rows)["labels"]

    assert labels.tolist() == [[0, 1], [0, 1]]
    assert str(labels.dtype) == "torch.float32"


def test_a_task_may_choose_the_side_and_leave_features_out() -> None:
    tokenizer: Any = SimpleNamespace(pad_token_id=9, unk_token_id=1, padding_side="left")
    collate = PadToLongest(tokenizer, side="right", left_out=frozenset({"labels"}))

    batch = collate(ROWS)

    assert batch["input_ids"].tolist() == [[1, 2, 3], [4, 9, 9]]
    assert "labels" not in batch
