from typing import Any

import pytest

from finetune_trainer.data.kinds.words import TAGS, TOKENS


@pytest.mark.parametrize("value", [["Ada", "wrote"], '["Ada", "wrote"]', " Ada  wrote\n"])
def test_words_have_one_spelling(value: Any) -> None:
    words = TOKENS.normalize(value)

    assert words == ["Ada", "wrote"]
    assert TOKENS.complain(words) is None


@pytest.mark.parametrize("value", [["B-PER", 0], '["B-PER", 0]', "B-PER 0", ["B-PER", 0.0]])
def test_tags_have_one_spelling(value: Any) -> None:
    tags = TAGS.normalize(value)

    assert tags == ["B-PER", "0"]
    assert TAGS.complain(tags) is None


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        pytest.param(None, "no words", id="nothing"),
        pytest.param("", "no words", id="an empty field"),
        pytest.param([], "no words", id="an empty list"),
        pytest.param(7, "a int where the list of words belongs (7)", id="a number"),
        pytest.param('{"a": 1}', "a dict where the list of words belongs", id="an object"),
        pytest.param(["Ada", ""], "'' as its word 2", id="an empty word"),
        pytest.param(["Ada", 7], "7 as its word 2", id="a number among the words"),
        pytest.param([["Ada"]], "['Ada'] as its word 1", id="a list among the words"),
    ],
)
def test_what_are_no_words_is_said(value: Any, complaint: str) -> None:
    assert complaint in str(TOKENS.complain(TOKENS.normalize(value)))


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        pytest.param(None, "no tags", id="nothing"),
        pytest.param(["O", None], "no tag for its word 2", id="a gap"),
        pytest.param(3, "a int where the list of tags belongs (3)", id="a number"),
    ],
)
def test_what_are_no_tags_is_said(value: Any, complaint: str) -> None:
    assert complaint in str(TAGS.complain(TAGS.normalize(value)))
