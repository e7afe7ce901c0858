import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_trainer.data.hashing import hash_row
from finetune_trainer.data.splits import Keys, choose_subset, hold_out


def keys_of(rows: list[tuple[str, str]], salt: str = "split-42") -> Keys:
    return Keys([hash_row([text], salt) for text, _ in rows], [label for _, label in rows])


def make_rows(count: int, labels: str = "ab") -> list[tuple[str, str]]:
    return [(f"text {n}", labels[n % len(labels)]) for n in range(count)]


def test_every_label_gives_its_share() -> None:
    rows = make_rows(100, "aaab")

    held, rest = hold_out(keys_of(rows), range(100), [0.2])

    assert Counter(rows[i][1] for i in held) == {"a": 15, "b": 5}
    assert sorted([*held, *rest]) == list(range(100))


def test_the_split_depends_on_the_rows_and_not_on_their_order() -> None:
    rows = make_rows(200)
    shuffled = random.Random(1).sample(rows, len(rows))

    held, _ = hold_out(keys_of(rows), range(200), [0.2])
    held_again, _ = hold_out(keys_of(shuffled), range(200), [0.2])

    assert {rows[i] for i in held} == {shuffled[i] for i in held_again}


def test_another_seed_gives_another_split() -> None:
    rows = make_rows(200)

    held, _ = hold_out(keys_of(rows), range(200), [0.2])
    other, _ = hold_out(keys_of(rows, "split-7"), range(200), [0.2])

    assert set(held) != set(other)


def test_nearly_all_rows_stay_where_they_were_when_data_is_added() -> None:
    before, after = make_rows(1000), make_rows(1200)

    held, _ = hold_out(keys_of(before), range(1000), [0.2])
    held_later, _ = hold_out(keys_of(after), range(1200), [0.2])

    moved = set(held) ^ {i for i in held_later if i < 1000}
    assert len(moved) < 0.05 * len(before)


def test_equal_rows_stay_on_one_side() -> None:
    rows = [(f"text {n % 10}", "a") for n in range(100)]

    held, rest = hold_out(keys_of(rows), range(100), [0.25])

    assert not {rows[i][0] for i in held} & {rows[i][0] for i in rest}
    assert held


def test_test_rows_do_not_depend_on_the_share_of_validation() -> None:
    keys = keys_of(make_rows(100))

    test, *_ = hold_out(keys, range(100), [0.1, 0.2])
    test_again, *_ = hold_out(keys, range(100), [0.1, 0.4])

    assert test == test_again


def test_a_label_with_one_row_is_learned_and_not_held_out() -> None:
    rows = [("only", "rare"), *make_rows(10)]

    held, rest = hold_out(keys_of(rows), range(11), [0.2])

    assert 0 in rest
    assert held


@pytest.mark.parametrize(
    ("limit", "shares"),
    [
        pytest.param(10, {"a": 8, "b": 2}, id="shares are kept"),
        pytest.param(1000, {"a": 80, "b": 20}, id="a limit above all rows takes all"),
    ],
)
def test_a_subset_keeps_the_shares_of_the_labels(limit: int, shares: dict[str, int]) -> None:
    rows = make_rows(100, "aaaab")

    subset = choose_subset(keys_of(rows, "limit-42"), limit)

    assert Counter(rows[i][1] for i in subset) == shares


@given(
    labels=st.lists(st.sampled_from("abc"), min_size=1, max_size=60),
    fractions=st.lists(st.floats(0.01, 0.5), min_size=1, max_size=2),
)
def test_parts_never_overlap_and_nothing_is_lost(labels: list[str], fractions: list[float]) -> None:
    rows = [(f"text {n % 40}", label) for n, label in enumerate(labels)]

    parts = hold_out(keys_of(rows), range(len(rows)), fractions)

    assert sorted(i for part in parts for i in part) == list(range(len(rows)))
    assert {labels[i] for i in parts[-1]} == set(labels), "every label is left to learn from"


@given(labels=st.lists(st.sampled_from("abc"), min_size=1, max_size=60), limit=st.integers(1, 80))
def test_a_subset_has_the_size_that_was_asked_for(labels: list[str], limit: int) -> None:
    rows = [(f"text {n}", label) for n, label in enumerate(labels)]

    subset = choose_subset(keys_of(rows), limit)

    assert len(subset) == len(set(subset)) == min(limit, len(rows))


def test_a_subset_keeps_the_shares_of_sets_of_labels() -> None:
    sets = [("funny",), ("funny", "short"), ("funny",), ("long",)]
    keys = Keys([hash_row([n], "limit") for n in range(400)], [sets[n % 4] for n in range(400)])

    subset = choose_subset(keys, 40)

    assert Counter(keys.strata[i] for i in subset) == {
        ("funny",): 20,
        ("funny", "short"): 10,
        ("long",): 10,
    }


def test_among_a_thousand_rare_sets_of_labels_chance_decides_and_not_the_alphabet() -> None:
    keys = Keys([hash_row([n], "limit") for n in range(1000)], [(f"{n:04}",) for n in range(1000)])

    subset = choose_subset(keys, 100)

    assert len(subset) == 100
    assert 20 < sum(i >= 500 for i in subset) < 80
