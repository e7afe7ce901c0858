import random

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from finetune_trainer.data.doubts import (
    MAX_ROWS_COMPARED,
    find_contradictions,
    find_odd_neighbours,
    normalize_text,
    weigh_words,
)
from trainer_jobs import BAD, GOOD


def make_texts(count: int) -> tuple[list[str], list[str]]:
    """Texts of six adjectives each, all good or all bad."""
    generator = random.Random(0)
    labels = ["positive", "negative"] * (count // 2)
    words = {"positive": GOOD, "negative": BAD}
    return [" ".join(generator.sample(words[label], 6)) for label in labels], labels


def test_case_punctuation_and_spacing_do_not_tell_texts_apart() -> None:
    assert normalize_text("  A gorgeous,\twitty FILM!") == normalize_text("a gorgeous witty film")
    assert normalize_text("good") != normalize_text("bad")


def test_a_text_of_signs_alone_stays_as_it_is() -> None:
    assert normalize_text(":-)") != normalize_text(":-(")


def test_equal_rows_with_different_labels_are_grouped() -> None:
    found = find_contradictions([1, 2, 1, 3, 1], ["a", "b", "b", "c", "a"])

    assert found == [{"a": [0, 4], "b": [2]}]


def test_a_row_among_rows_of_another_label_is_doubted() -> None:
    texts, labels = make_texts(200)
    labels[40] = "negative"

    doubts = find_odd_neighbours(texts, labels)

    assert [doubt.position for doubt in doubts] == [40]
    assert (doubts[0].label, doubts[0].other, doubts[0].share) == ("negative", "positive", 1.0)


def test_labels_that_agree_are_not_doubted() -> None:
    assert find_odd_neighbours(*make_texts(200)) == []


def test_copies_of_a_text_do_not_vouch_for_each_other() -> None:
    texts, labels = make_texts(200)
    copies = [texts[40], texts[40].upper(), texts[40] + "!"] * 3

    doubts = find_odd_neighbours([*texts, *copies], [*labels, *["negative"] * 9])

    assert doubts == []


def test_a_handful_of_rows_says_nothing() -> None:
    assert find_odd_neighbours(*make_texts(20)) == []


def test_texts_without_a_word_in_common_say_nothing() -> None:
    texts = [f"unique{n}" for n in range(100)]

    assert find_odd_neighbours(texts, ["a", "b"] * 50) == []


def test_of_many_rows_some_are_looked_at() -> None:
    rows = 2 * MAX_ROWS_COMPARED
    texts = [f"good {n}" for n in range(rows)]

    assert find_odd_neighbours(texts, ["a"] * rows) == []


def test_words_weigh_what_they_weigh_for_scikit_learn() -> None:
    texts, _ = make_texts(60)
    texts = [f"{text} {text.split()[0]} A Film" for text in texts]
    vectorizer = TfidfVectorizer(min_df=2, max_df=0.5, sublinear_tf=True)

    likeness = weigh_words(texts)

    expected = vectorizer.fit_transform(texts)
    found, wanted = (likeness @ likeness.T).toarray(), (expected @ expected.T).toarray()
    assert found == pytest.approx(np.asarray(wanted), abs=1e-5)


def test_texts_without_a_word_in_common_are_near_to_none() -> None:
    texts = [f"word{number} other{number}" for number in range(60)]

    assert find_odd_neighbours(texts, ["a", "b"] * 30) == []
