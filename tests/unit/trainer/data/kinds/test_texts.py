from typing import Any

import pytest

from finetune_trainer.data.kinds.texts import LABEL, LABELS, TEXT


@pytest.mark.parametrize(
    ("value", "labels"),
    [
        pytest.param(["funny", "short"], ["funny", "short"], id="a list"),
        pytest.param('["funny", "short"]', ["funny", "short"], id="a list as JSON text"),
        pytest.param("funny| short ", ["funny", "short"], id="a text with separators"),
        pytest.param("funny", ["funny"], id="one label"),
        pytest.param([1, 2.0], ["1", "2"], id="numbers"),
        pytest.param("", [], id="an empty field has none of them"),
        pytest.param(None, [], id="a missing value has none of them"),
        pytest.param("[]", [], id="an empty list has none of them"),
    ],
)
def test_several_labels_have_one_spelling(value: Any, labels: list[str]) -> None:
    assert LABELS.normalize(value) == labels
    assert LABELS.complain(labels) is None


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        pytest.param(7, "a int where the list of labels belongs (7)", id="a number"),
        pytest.param({"a": 1}, "a dict where the list of labels belongs", id="an object"),
        pytest.param(["a", None], "an empty label in its list", id="a gap"),
        pytest.param("a|b|a", "the label 'a' 2 times", id="one twice"),
    ],
)
def test_what_are_no_labels_is_said(value: Any, complaint: str) -> None:
    assert complaint in str(LABELS.complain(LABELS.normalize(value)))


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        pytest.param(None, "no text", id="nothing"),
        pytest.param("  ", "an empty text", id="spaces"),
        pytest.param(5, "a int where the text belongs (5)", id="a number"),
        pytest.param("fine", None, id="a text"),
    ],
)
def test_what_is_no_text_is_said(value: Any, complaint: str | None) -> None:
    assert TEXT.complain(value) == complaint


def test_a_missing_label_is_said() -> None:
    assert LABEL.complain(LABEL.normalize(float("nan"))) == "no label"
