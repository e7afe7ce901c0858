from typing import Any

import pytest

from finetune_trainer.data.domains import Domain, measure_domain
from finetune_trainer.data.spreads import count_words, measure_spread


class PieceTokenizer:
    """Cuts words into pieces of so many letters; knows no digits."""

    unk_token_id: int | None = 0

    def __init__(self, letters: int = 100) -> None:
        self._letters = letters

    def __call__(self, text: list[str], **options: Any) -> dict[str, list[list[int]]]:
        assert options["add_special_tokens"] is False
        return {"input_ids": [self._cut(row) for row in text]}

    def _cut(self, row: str) -> list[int]:
        size = self._letters
        pieces = [w[i : i + size] for w in row.split() for i in range(0, len(w), size)]
        return [0 if piece.isdigit() else 7 for piece in pieces]


def measure(texts: list[str], letters: int = 100) -> Domain:
    found = measure_domain(texts, PieceTokenizer(letters))
    assert found is not None
    return found


def test_words_that_stay_whole_are_known() -> None:
    found = measure(["a movie of great warmth"] * 10)

    assert (found.tokens_per_word, found.unknown_share, found.is_strange) == (1.0, 0.0, False)


def test_words_in_many_pieces_are_strange() -> None:
    found = measure(["pneumonoultramicroscopic haemoglobinopathies"], letters=5)

    assert found.tokens_per_word == 4.5
    assert found.is_strange


def test_many_unknown_tokens_are_strange() -> None:
    assert measure(["one 2 three 4"]).unknown_share == 0.5
    assert measure(["one 2 three 4"]).is_strange


def test_a_script_without_spaces_has_no_words_to_count() -> None:
    found = measure(["ภาพยนตร์เรื่องนี้ดีมากและสนุกมากจริงๆ"], letters=3)

    assert found.tokens_per_word is None
    assert not found.is_strange


def test_no_texts_are_no_domain() -> None:
    assert measure_domain([], PieceTokenizer()) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("a gorgeous, witty film!", 4, id="punctuation is no word"),
        pytest.param("映画は良い", 5, id="Chinese and Japanese by the sign"),
        pytest.param(" \n ", 0, id="blanks"),
    ],
)
def test_words_are_counted(text: str, words: int) -> None:
    assert count_words(text) == words


def test_a_spread_names_the_ends_and_the_middle() -> None:
    spread = measure_spread(list(range(101)))

    assert spread is not None
    assert (spread.minimum, spread.median, spread.p90, spread.p99, spread.maximum) == (
        0,
        50,
        90,
        99,
        100,
    )
    assert spread.mean == 50.0
    assert measure_spread([]) is None
