from typing import Any

import numpy as np

from finetune_trainer.tasks.base import Encoded, Judged, Rows, Selection
from trainer_tasks import a_part, settings_of


def judge(features: list[Any], rows: list[int] | None, count: int) -> Judged:
    part = a_part("test", text=[f"row {n}" for n in range(count)])
    encoded = Encoded(features, list(range(10, 10 + len(features))), rows=rows)
    answers = {"logits": np.arange(2 * len(features)).reshape(-1, 2)}
    return Judged(answers, Rows(part, encoded), settings_of("TextClassification"), "tokenizer")


def test_some_rows_are_kept_in_the_order_that_was_asked_for() -> None:
    judged = judge([{"labels": n} for n in range(4)], None, 4)

    chosen = judged.select([3, 1, 1])

    assert chosen.rows.part.column("text") == ["row 3", "row 1", "row 1"]
    assert chosen.answers["logits"].tolist() == [[6, 7], [2, 3], [2, 3]]
    assert chosen.stack("labels").tolist() == [3, 1, 1]
    assert list(chosen.rows.lengths) == [13, 11, 11]


def test_a_row_of_several_pieces_keeps_all_of_them_and_they_know_its_new_place() -> None:
    """Row 1 is too short for a piece of its own; row 2 comes twice."""
    judged = judge([{"piece": n} for n in range(4)], [0, 2, 2, 0], 3)

    chosen = judged.select([2, 1, 0, 2])

    assert [feature["piece"] for feature in chosen.rows.encoded.features] == [1, 2, 0, 3, 1, 2]
    assert list(chosen.rows.encoded.rows or ()) == [0, 0, 2, 2, 3, 3]
    assert chosen.answers["logits"][:, 0].tolist() == [2, 4, 0, 6, 2, 4]
    assert len(chosen.rows.part) == 4


def test_a_choice_can_be_chosen_from_again() -> None:
    judged = judge([{"labels": n} for n in range(4)], None, 4)

    chosen = judged.select([3, 2, 0]).select([2, 0])

    assert chosen.rows.part.column("text") == ["row 0", "row 3"]
    assert chosen.stack("labels").tolist() == [0, 3]


def test_a_feature_is_looked_up_only_when_it_is_asked_for() -> None:
    class Images(list[Any]):
        opened = 0

        def __getitem__(self, index: Any) -> Any:
            self.opened += 1
            return super().__getitem__(index)

    images = Images([{"pixels": 1}, {"pixels": 2}])

    chosen = Selection(images, [1, 0])[:1]

    assert images.opened == 0
    assert list(chosen) == [{"pixels": 2}]
