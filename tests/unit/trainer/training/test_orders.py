import random

from hypothesis import given
from hypothesis import strategies as st

from finetune_trainer.training.orders import (
    measure_padding,
    order_for_evaluation,
    order_for_training,
)

LENGTHS = random.Random(0).choices(range(5, 60), k=200)


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1, max_size=200),
    batch_size=st.integers(1, 20),
    epoch=st.integers(0, 5),
)
def test_every_row_comes_once_in_an_epoch(lengths: list[int], batch_size: int, epoch: int) -> None:
    order = order_for_training(lengths, batch_size, 42, epoch)

    assert sorted(order) == list(range(len(lengths)))


def test_the_order_follows_from_seed_and_epoch_alone() -> None:
    random.seed(1)
    first = order_for_training(LENGTHS, 8, 42, 3)
    random.seed(2)

    assert order_for_training(LENGTHS, 8, 42, 3) == first
    assert order_for_training(LENGTHS, 8, 42, 4) != first
    assert order_for_training(LENGTHS, 8, 43, 3) != first


def test_grouping_by_length_saves_most_of_the_padding() -> None:
    shuffled = random.Random(0).sample(range(200), 200)

    padding = measure_padding(LENGTHS, order_for_training(LENGTHS, 8, 42, 0), 8)

    assert padding < 0.5 * measure_padding(LENGTHS, shuffled, 8)


def test_the_longest_row_comes_in_the_first_batch() -> None:
    order = order_for_training(LENGTHS, 8, 42, 0)

    assert max(LENGTHS) in [LENGTHS[row] for row in order[:8]]


def test_batches_are_not_sorted_by_length() -> None:
    """A run that sees the long texts first and the short ones last learns worse."""
    order = order_for_training(LENGTHS, 8, 42, 0)
    widths = [LENGTHS[order[i]] for i in range(8, 192, 8)]

    assert widths != sorted(widths)
    assert widths != sorted(widths, reverse=True)


def test_evaluation_goes_from_long_to_short() -> None:
    assert order_for_evaluation([3, 9, 5]) == [1, 2, 0]


def test_rows_of_one_length_need_no_padding() -> None:
    assert measure_padding([7] * 20, list(range(20)), 8) == 0
