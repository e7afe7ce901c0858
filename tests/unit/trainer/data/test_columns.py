import pytest

from finetune_trainer.data.columns import match_columns, name_field
from finetune_trainer.errors import DataError

WANTED = {"text": "text", "label": "label"}


def test_columns_that_are_there_are_no_complaint() -> None:
    assert match_columns(WANTED, ["id", "label", "text"], "dataset.train") == WANTED


@pytest.mark.parametrize(
    ("present", "message", "hint"),
    [
        pytest.param(
            ["Text", "label"],
            "dataset.train has no column 'text'; it has Text, label",
            "set dataset.columns.text to 'Text'",
            id="only the case differs",
        ),
        pytest.param(
            ["texts", "label"],
            "it has texts, label",
            "set dataset.columns.text to 'texts'",
            id="the nearest name is offered",
        ),
        pytest.param(
            ["review", "label"],
            "it has review, label",
            "set dataset.columns.text to the column that holds the text",
            id="no name is near",
        ),
        pytest.param(
            ["text\tlabel"],
            "it has text\tlabel",
            "the header is one column that holds separators: save the file with commas",
            id="tabs for commas",
        ),
        pytest.param(
            [f"c{n}" for n in range(30)],
            "and 10 more",
            "set dataset.columns.text to the column that holds the text",
            id="a wide file is not listed whole",
        ),
    ],
)
def test_a_missing_column_lists_what_there_is(present: list[str], message: str, hint: str) -> None:
    with pytest.raises(DataError) as caught:
        match_columns(WANTED, present, "dataset.train")

    assert message in str(caught.value)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("role", "field"),
    [
        pytest.param("text", "dataset.columns.text", id="one word"),
        pytest.param("text_pair", "dataset.columns.textPair", id="two words, as in YAML"),
        pytest.param("{amount}", "dataset.textTemplate", id="a place in a template"),
    ],
)
def test_a_role_is_named_by_its_field(role: str, field: str) -> None:
    assert name_field(role) == field
