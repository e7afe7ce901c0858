from typing import ClassVar

import pytest
from pydantic import ValidationError

from finetune_api.models import ApiModel
from finetune_api.rules import Rule


class Pair(ApiModel):
    low_bound: int
    high: int

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="self.lowBound < self.high",
            holds=lambda pair: pair.low_bound < pair.high,
            message="lowBound is {lowBound}, 100 % of high, but isn't below {high}: lower it",
        ),
    )


def test_a_broken_rule_says_the_values_the_user_gave() -> None:
    with pytest.raises(ValidationError, match="lowBound is 5, 100 % of high, but isn't below 3"):
        Pair(low_bound=5, high=3)


def test_a_message_with_values_becomes_a_format_expression() -> None:
    assert Pair.rules[0].to_cel() == {
        "rule": "self.lowBound < self.high",
        "messageExpression": (
            r"'lowBound is %s, 100 %% of high, but isn\'t below %s: lower it'"
            ".format([dyn(self.lowBound), dyn(self.high)])"
        ),
    }


def test_yaml_names_are_camel_case_only() -> None:
    with pytest.raises(ValidationError, match="low_bound"):
        Pair.model_validate({"low_bound": 1, "high": 2}, by_alias=True, by_name=False)
