import json
from pathlib import Path

import pytest

from demo.prepare_reviews import (
    LABELS,
    REQUIREMENTS,
    Review,
    check_weights,
    choose_label,
    find_cache,
    label_reviews,
    parse_snippets,
    read_hashes,
    split_reviews,
    write_part,
)


def build_reviews(count: int) -> list[Review]:
    return [Review(f"review {number}", LABELS[number % 2]) for number in range(count)]


def test_a_line_is_number_rating_and_text() -> None:
    lines = ["1\t2.27\tA gorgeous,  witty film.\r\n", "2\t-0.6\tToo tepid\n"]

    assert list(parse_snippets(lines)) == [(2.27, "A gorgeous, witty film."), (-0.6, "Too tepid")]


@pytest.mark.parametrize(
    ("rating", "label"),
    [
        pytest.param(3.5, "positive", id="liked"),
        pytest.param(-0.5, "negative", id="disliked a little"),
        pytest.param(0.49, None, id="not agreed on"),
        pytest.param(0.0, None, id="neutral"),
    ],
)
def test_the_sign_of_a_clear_rating_is_the_label(rating: float, label: str | None) -> None:
    assert choose_label(rating) == label


def test_texts_that_differ_in_punctuation_only_are_one() -> None:
    reviews = label_reviews([(2.0, "A mess..."), (-2.0, "'A Mess'"), (0.1, "So so"), (1.0, "Fun")])

    assert [review.text for review in reviews] == ["A mess...", "Fun"]


def test_parts_are_balanced_and_share_no_text() -> None:
    parts = split_reviews(build_reviews(40), {"test": 10, "train": 20})

    texts = [review.text for part in parts.values() for review in part]
    assert len(texts) == len(set(texts)) == 30
    for part in parts.values():
        assert 2 * sum(review.label == "positive" for review in part) == len(part)


def test_the_test_rows_stay_when_the_training_part_grows() -> None:
    small = split_reviews(build_reviews(40), {"test": 10, "train": 10})
    large = split_reviews(list(reversed(build_reviews(40))), {"test": 10, "train": 30})

    assert small["test"] == large["test"]


def test_the_labels_of_a_part_are_mixed() -> None:
    labels = [review.label for review in split_reviews(build_reviews(200), {"train": 200})["train"]]

    assert labels != sorted(labels)


def test_too_few_reviews_are_told() -> None:
    with pytest.raises(ValueError, match="train needs 30 negative reviews and only 20 are left"):
        split_reviews(build_reviews(40), {"train": 60})


def test_every_requirement_is_pinned_by_a_hash() -> None:
    text = REQUIREMENTS.read_text()

    assert len(read_hashes(text)) == text.count("==") == 2


def test_tensors_are_counted_from_the_header() -> None:
    header = json.dumps({"__metadata__": {}, "a": {}, "b": {}}).encode()

    assert check_weights(len(header).to_bytes(8, "little") + header + b"numbers") == 2


def test_weights_that_are_no_safetensors_are_refused() -> None:
    with pytest.raises(ValueError, match="no safetensors header"):
        check_weights(b"PK\x03\x04 a pickle in a zip")


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        pytest.param({"XDG_CACHE_HOME": "/c"}, Path("/c/finetune/demo"), id="where XDG says"),
        pytest.param({}, Path.home() / ".cache/finetune/demo", id="at home"),
    ],
)
def test_downloads_are_kept_in_the_users_cache(environment: dict[str, str], folder: Path) -> None:
    assert find_cache(environment) == folder


def test_a_part_is_written_as_csv(tmp_path: Path) -> None:
    file = tmp_path / "train.csv"

    write_part(file, [Review('He said "fun", twice', "positive")])

    assert file.read_text() == 'text,label\n"He said ""fun"", twice",positive\n'
