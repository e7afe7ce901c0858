from collections import Counter

import pytest

from finetune_trainer.data.replay import choose_pool, choose_replayed, count_replayed


@pytest.mark.parametrize(
    ("rows", "ratio", "count"),
    [
        pytest.param(90, 0.1, 10, id="a tenth"),
        pytest.param(100, 0.5, 100, id="half"),
        pytest.param(100, 0.9, 900, id="nearly all"),
        pytest.param(3, 0.01, 1, id="at least one"),
    ],
)
def test_the_ratio_is_that_of_the_whole_epoch(rows: int, ratio: float, count: int) -> None:
    assert count_replayed(rows, ratio) == count


def test_another_epoch_has_other_rows_and_the_same_one_the_same() -> None:
    chosen = choose_replayed(1000, 50, seed=1, epoch=0)

    assert len(set(chosen)) == 50
    assert chosen == choose_replayed(1000, 50, seed=1, epoch=0)
    assert chosen != choose_replayed(1000, 50, seed=1, epoch=1)
    assert chosen != choose_replayed(1000, 50, seed=2, epoch=0)


def test_too_few_rows_come_equally_often() -> None:
    counts = Counter(choose_replayed(10, 25, seed=1, epoch=0))

    assert len(counts) == 10
    assert set(counts.values()) == {2, 3}


def test_only_so_many_rows_are_encoded_as_a_job_can_see() -> None:
    assert choose_pool(10, 30, seed=1) == list(range(10))
    pool = choose_pool(1000, 30, seed=1)
    assert len(set(pool)) == 30
    assert pool == sorted(pool) == choose_pool(1000, 30, seed=1)
