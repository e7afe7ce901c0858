from typing import Any

import pytest

from finetune_trainer.data.kinds.numbers import NUMBER


@pytest.mark.parametrize("value", ["3.5", " 3.5\n", 3.5, "35e-1"])
def test_a_number_has_one_spelling(value: Any) -> None:
    number = NUMBER.normalize(value)

    assert number == 3.5
    assert NUMBER.complain(number) is None


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        pytest.param(None, "no number", id="nothing"),
        pytest.param("", "no number", id="an empty field"),
        pytest.param("high", "'high' where a number belongs", id="a word"),
        pytest.param("3,5", "'3,5' where a number belongs", id="a comma"),
        pytest.param(True, "True where a number belongs", id="a truth value"),
        pytest.param([1.0], "[1.0] where a number belongs", id="a list"),
        pytest.param("nan", "the number nan, which nothing can be near to", id="not a number"),
        pytest.param("-inf", "the number -inf, which nothing", id="without an end"),
        pytest.param(10**400, "where a number belongs", id="more than a float can hold"),
    ],
)
def test_what_is_no_number_is_said(value: Any, complaint: str) -> None:
    assert complaint in str(NUMBER.complain(NUMBER.normalize(value)))
