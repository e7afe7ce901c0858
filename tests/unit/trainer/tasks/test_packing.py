import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from finetune_trainer.tasks.base import Encoded
from finetune_trainer.tasks.continuations import make_feature
from finetune_trainer.tasks.packing import pack_rows, plan_packs


def test_a_row_goes_where_it_leaves_the_least_room() -> None:
    assert plan_packs([5, 3, 7, 3, 2], capacity=10) == [[2, 1], [0, 3, 4]]


@given(st.lists(st.integers(min_value=1, max_value=16), max_size=40))
def test_every_row_is_in_one_sequence_and_none_overflows(lengths: list[int]) -> None:
    packs = plan_packs(lengths, capacity=16)

    assert sorted(row for pack in packs for row in pack) == list(range(len(lengths)))
    assert all(sum(lengths[row] for row in pack) <= 16 for pack in packs)


def test_rows_keep_their_positions_and_do_not_foretell_each_other() -> None:
    rows = [make_feature(np.array(tokens, dtype=np.int32)) for tokens in ([1, 2, 3], [4, 5])]
    encoded = Encoded(rows, [3, 2], truncated=1, rows=[7, 9], warnings=("a warning",))

    packed = pack_rows(encoded, capacity=8)

    assert (len(packed), packed.lengths, packed.rows) == (1, [5], [7])
    assert packed.features[0]["input_ids"].tolist() == [1, 2, 3, 4, 5]
    assert packed.features[0]["labels"].tolist() == [-100, 2, 3, -100, 5]
    assert packed.features[0]["position_ids"].tolist() == [0, 1, 2, 0, 1]
    assert (packed.truncated, packed.warnings) == (1, ("a warning",))
