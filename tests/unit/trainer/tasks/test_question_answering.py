import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from finetune_trainer.errors import ConfigError, DataError
from finetune_trainer.tasks.base import Judged, Rows
from finetune_trainer.tasks.question_answering import QUESTION_ANSWERING, read_answers
from trainer_families import FAMILIES
from trainer_models import make_tiny_bert
from trainer_tasks import a_part, judge, settings_of

CONTEXT = "the movie was very good and the plot was dull in the end"
NONE: dict[str, list[Any]] = {"text": [], "answer_start": []}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def an_answer(text: str, context: str = CONTEXT) -> dict[str, list[Any]]:
    return {"text": [text], "answer_start": [context.index(text)]}


def a_question(*answers: dict[str, list[Any]], context: str = CONTEXT) -> Any:
    count = max(1, len(answers))
    columns: dict[str, list[Any]] = {"question": ["is it good"] * count}
    columns["context"] = [context] * count
    return a_part(**columns, **({"answers": list(answers)} if answers else {}))


def settings(max_length: int = 12, stride: int | None = 2) -> Any:
    training = {} if stride is None else {"documentStride": stride}
    return settings_of("QuestionAnswering", max_length=max_length, training=training)


def read_span(row: Any, part: Any) -> str:
    """Give the text of the context that a window's positions name."""
    first, last = (row[name] - row["first"] for name in ("start_positions", "end_positions"))
    context: str = part.column("context")[0]
    return context[row["offsets"][first][0] : row["offsets"][last][1]]


def test_a_long_context_is_cut_into_windows_that_overlap(tokenizer: Any) -> None:
    encoded = QUESTION_ANSWERING.encode(a_question(an_answer("dull")), tokenizer, settings())

    texts = [tokenizer.decode(row["input_ids"][row["first"] : -1]) for row in encoded.features]
    assert texts == [
        "the movie was very good and",
        "good and the plot was dull",
        "was dull in the end",
    ]
    assert encoded.rows == [0, 0, 0]


@pytest.mark.parametrize("family", list(FAMILIES))
def test_the_answer_is_found_in_its_window_and_nowhere_else(tmp_path: Path, family: str) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(FAMILIES[family](tmp_path))
    part = a_question(an_answer("very good"))

    encoded = QUESTION_ANSWERING.encode(part, tokenizer, settings(max_length=16))

    spans = [
        read_span(row, part).strip()
        for row in encoded.features
        if row["start_positions"] != row["nowhere"]
    ]
    assert spans
    assert set(spans) == {"very good"}
    missing = [row for row in encoded.features if row["start_positions"] == row["nowhere"]]
    assert all(row["end_positions"] == row["nowhere"] for row in missing)


def test_no_answer_is_the_first_token_everywhere(tokenizer: Any) -> None:
    encoded = QUESTION_ANSWERING.encode(a_question(NONE), tokenizer, settings())

    assert {row["start_positions"] for row in encoded.features} == {0}


def test_a_question_without_known_answers_is_encoded_too(tokenizer: Any) -> None:
    encoded = QUESTION_ANSWERING.encode(a_question(), tokenizer, settings())

    assert "start_positions" not in encoded.features[0]


def test_what_the_model_does_not_take_stays_out_of_the_batch(tokenizer: Any) -> None:
    encoded = QUESTION_ANSWERING.encode(a_question(an_answer("dull")), tokenizer, settings())

    batch = QUESTION_ANSWERING.build_collator(tokenizer, settings())(encoded.features)

    assert set(batch) == {
        *("input_ids", "token_type_ids", "attention_mask"),
        *("start_positions", "end_positions"),
    }


def test_a_stride_that_never_moves_on_is_refused(tokenizer: Any) -> None:
    with pytest.raises(ConfigError, match=r"training\.documentStride is 6, but .* holds 6 tokens"):
        QUESTION_ANSWERING.encode(a_question(NONE), tokenizer, settings(stride=6))


def test_the_stride_follows_the_room_where_none_is_given(tokenizer: Any) -> None:
    encoded = QUESTION_ANSWERING.encode(a_question(NONE), tokenizer, settings(stride=None))

    first, second = encoded.features[:2]
    assert first["input_ids"][-4:-1].tolist() == second["input_ids"][5:8].tolist()


def test_a_question_without_room_for_the_context_is_refused(tokenizer: Any) -> None:
    part = a_part(question=["is it good", "is it " * 5], context=[CONTEXT] * 2)

    with pytest.raises(DataError, match=r"row 2 of a\.csv \(1 rows in all\) has a question of 10"):
        QUESTION_ANSWERING.encode(part, tokenizer, settings())


def test_a_tokenizer_that_keeps_no_places_is_refused() -> None:
    with pytest.raises(ConfigError, match="where in the context each token is"):
        QUESTION_ANSWERING.encode(a_question(NONE), SimpleNamespace(is_fast=False), settings())


def judge_by(tokenizer: Any, part: Any, chosen: dict[str, float], doubt: float) -> Judged:
    """Answer with fixed logits: of some words, and of the token for "not here"."""
    encoded = QUESTION_ANSWERING.encode(part, tokenizer, settings())
    width = max(encoded.lengths)
    logits = np.full((len(encoded), width), -1.0, dtype=np.float32)
    for line, row in zip(logits, encoded.features, strict=True):
        line[len(row["input_ids"]) :] = -100
        line[0] = doubt
        for word, value in chosen.items():
            line[: len(row["input_ids"])][
                row["input_ids"] == tokenizer.convert_tokens_to_ids(word)
            ] = value
    return Judged({"starts": logits, "ends": logits}, Rows(part, encoded), settings(), tokenizer)


def test_the_likeliest_span_of_all_windows_is_the_answer(tokenizer: Any) -> None:
    judged = judge_by(tokenizer, a_question(an_answer("dull")), {"very": 2.0, "dull": 3.0}, 0.0)

    assert read_answers(judged) == ["dull"]
    assert QUESTION_ANSWERING.measure(judged)["exactMatch"] == 1.0


def test_there_is_no_answer_where_every_window_doubts_it(tokenizer: Any) -> None:
    judged = judge_by(tokenizer, a_question(NONE), {"dull": 3.0}, 4.0)

    assert QUESTION_ANSWERING.describe(judged) == ["no answer"]
    assert QUESTION_ANSWERING.measure(judged)["f1"] == 1.0


def test_no_answer_is_longer_than_the_job_allows(tokenizer: Any) -> None:
    likely = {"very": 3.0, "dull": 2.0}
    judged = judge_by(tokenizer, a_question(an_answer("dull")), likely, 0.0)
    short = replace(
        judged,
        settings=settings_of("QuestionAnswering", max_length=12, evaluation={"maxAnswerTokens": 1}),
    )

    assert len(read_answers(judged)[0].split()) >= len(read_answers(short)[0].split()) == 1


def test_rows_that_are_chosen_keep_their_windows(tokenizer: Any) -> None:
    judged = judge_by(tokenizer, a_question(an_answer("dull"), NONE), {"dull": 3.0}, 0.0)

    assert QUESTION_ANSWERING.measure(judged)["f1"] == 0.5
    assert QUESTION_ANSWERING.measure(judged.select([0, 0]))["f1"] == 1.0
    assert QUESTION_ANSWERING.measure(judged.select([1]))["f1"] == 0.0


def test_the_loss_is_that_of_the_model(folder: Path, tokenizer: Any) -> None:
    from transformers import AutoModelForQuestionAnswering

    model = AutoModelForQuestionAnswering.from_pretrained(folder)
    part = a_question(an_answer("dull"), NONE)
    encoded = QUESTION_ANSWERING.encode(part, tokenizer, settings())
    collate = QUESTION_ANSWERING.build_collator(tokenizer, settings())

    judged = judge(QUESTION_ANSWERING, part, tokenizer, settings(), model)

    # One by one: in a batch the library lets the padding take part in its loss.
    losses = [float(model(**collate([row])).loss.detach()) for row in encoded.features]
    expected = sum(losses) / len(losses)
    assert QUESTION_ANSWERING.measure(judged)["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("train", "f1"),
    [
        pytest.param([NONE, NONE, an_answer("dull")], 0.5, id="mostly none: no answer"),
        pytest.param([an_answer("dull")], 2 / 10 / 2, id="mostly some: the whole context"),
    ],
)
def test_the_baseline_is_the_better_guess_of_the_training_part(train: list[Any], f1: float) -> None:
    part = a_question(an_answer("dull"), NONE)

    scores = QUESTION_ANSWERING.measure_baseline(a_question(*train), part, ())

    assert scores["f1"] == pytest.approx(f1, abs=0.01)
    assert scores["loss"] == pytest.approx(math.log(13))
