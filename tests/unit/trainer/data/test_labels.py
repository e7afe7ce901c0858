from typing import Any

import pytest

from finetune_trainer.data.labels import format_label, sort_labels, suggest_label


@pytest.mark.parametrize(
    ("value", "label"),
    [
        pytest.param("positive", "positive", id="text"),
        pytest.param(" positive ", "positive", id="blanks around it"),
        pytest.param(1, "1", id="a number"),
        pytest.param(1.0, "1", id="a whole number that became a float"),
        pytest.param(0.5, "0.5", id="a fraction"),
        pytest.param(True, "true", id="a truth value"),
        pytest.param("", None, id="an empty text is none"),
        pytest.param(None, None, id="none"),
        pytest.param(float("nan"), None, id="not a number is none"),
    ],
)
def test_labels_have_one_spelling(value: Any, label: str | None) -> None:
    assert format_label(value) == label


def test_labels_are_sorted_by_name_and_numbers_by_value() -> None:
    assert sort_labels(["b", "a", "b"]) == ("a", "b")
    assert sort_labels(["10", "2", "-1"]) == ("-1", "2", "10")


def test_the_nearest_label_is_found_whatever_its_case() -> None:
    assert suggest_label("Positiv", ["negative", "positive"]) == "positive"
    assert suggest_label("7", ["negative", "positive"]) is None
