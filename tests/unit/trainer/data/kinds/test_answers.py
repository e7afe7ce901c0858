from typing import Any

import pytest

from finetune_trainer.data.kinds.answers import ANSWERS, complain_about_places

LONDON = {"text": ["London"], "answer_start": [16]}


@pytest.mark.parametrize(
    ("value", "answers"),
    [
        pytest.param(LONDON, LONDON, id="an object of lists"),
        pytest.param('{"text": ["London"], "answer_start": [16]}', LONDON, id="JSON text"),
        pytest.param({"text": "London", "answer_start": 16}, LONDON, id="single values"),
        pytest.param([{"text": "London", "answer_start": 16}], LONDON, id="a list of objects"),
        pytest.param(None, {"text": [], "answer_start": []}, id="nothing: no answer"),
        pytest.param("", {"text": [], "answer_start": []}, id="an empty field: no answer"),
        pytest.param([], {"text": [], "answer_start": []}, id="an empty list: no answer"),
        pytest.param(
            {"text": [], "answer_start": []}, {"text": [], "answer_start": []}, id="empty lists"
        ),
    ],
)
def test_answers_have_one_spelling(value: Any, answers: dict[str, list[Any]]) -> None:
    assert ANSWERS.normalize(value) == answers
    assert ANSWERS.complain(answers) is None


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        pytest.param("London", "'London' where {'text': […]", id="a text alone"),
        pytest.param({"text": ["London"]}, "where {'text': […], 'answer_start'", id="no place"),
        pytest.param(
            {"text": ["London"], "answer_start": []},
            "1 answers but 0 places where they start",
            id="fewer places than answers",
        ),
        pytest.param({"text": [""], "answer_start": [0]}, "'' as an answer", id="an empty answer"),
        pytest.param(
            {"text": ["London"], "answer_start": ["16"]},
            "'16' as the place where 'London' starts",
            id="a place as text",
        ),
        pytest.param({"text": ["London"], "answer_start": [-1]}, "-1 as the place", id="below 0"),
    ],
)
def test_what_are_no_answers_is_said(value: Any, complaint: str) -> None:
    assert complaint in str(ANSWERS.complain(ANSWERS.normalize(value)))


@pytest.mark.parametrize(
    ("start", "complaint"),
    [
        pytest.param(16, None, id="in its place"),
        pytest.param(15, "where the context has ' Londo'; it begins at 16", id="one off"),
        pytest.param(900, "where the context has ''; it begins at 16", id="behind the end"),
    ],
)
def test_an_answer_that_is_not_in_its_place_is_said(start: int, complaint: str | None) -> None:
    row = {
        "context": "Ada was born in London.",
        "answers": {"text": ["London"], "answer_start": [start]},
    }

    found = complain_about_places(row)

    assert found == complaint or (complaint is not None and complaint in str(found))


def test_an_answer_in_other_words_is_said() -> None:
    row = {
        "context": "Ada was born in London.",
        "answers": {"text": ["Paris"], "answer_start": [0]},
    }

    assert "it is nowhere in the context" in str(complain_about_places(row))
