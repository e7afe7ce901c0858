"""Whole runs of the tasks on texts: better than the baseline, of use to a stranger, honest."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from finetune_api.contract.exit_codes import ExitCode
from finetune_api.contract.outcomes import Outcome
from finetune_api.v1alpha1.metrics import MetricName, is_greater_better
from finetune_api.v1alpha1.status import Metric
from trainer_families import FAMILIES
from trainer_jobs import Row, TrainerJob, a_trainer_job, make_reviews, write_jsonl
from trainer_runs import run
from trainer_texts import (
    make_mixed_reviews,
    make_pairs,
    make_questions,
    make_ratings,
    make_tagged,
)


def run_well(
    job: TrainerJob, make_rows: Callable[[int, int], Sequence[Row]], epochs: int = 3
) -> Outcome:
    write_jsonl(job.claim / "test.jsonl", make_rows(60, 9))
    job.with_train_rows(make_rows(300, 0), "train.jsonl").with_spec(
        dataset={"test": {"source": "pvc://data/test.jsonl"}},
        training={"epochs": epochs, "learningRate": 0.003},
    )
    outcome = run(job)
    assert outcome.succeeded, outcome.message
    return outcome


def read(metrics: list[Metric] | None, name: str) -> float:
    return next(metric.value for metric in metrics or () if metric.name == name)


def assert_better(outcome: Outcome, metric: MetricName, least: float) -> None:
    assert outcome.report is not None
    measured = outcome.report.metrics
    assert measured is not None
    sign = 1 if is_greater_better(metric) else -1
    before, after = read(measured.test_baseline, metric), read(measured.test, metric)
    assert sign * after > sign * before
    assert sign * after > sign * least


def load(folder: Path, auto_model: str) -> tuple[Any, Any]:
    import transformers

    model = getattr(transformers, auto_model).from_pretrained(folder).eval()
    return model, transformers.AutoTokenizer.from_pretrained(folder)


def test_pairs_of_texts_are_told_apart_by_the_second_text(job: TrainerJob) -> None:
    job.with_spec(dataset={"columns": {"textPair": "text_pair"}})

    outcome = run_well(job, make_pairs)

    assert_better(outcome, "f1", 0.9)
    model, tokenizer = load(job.output, "AutoModelForSequenceClassification")
    logits = model(**tokenizer("dull film", "great film", return_tensors="pt")).logits
    assert model.config.id2label[int(logits.argmax())] == "praise"


def test_rows_get_several_labels(job: TrainerJob) -> None:
    job.with_spec(dataset={"columns": {"labels": "labels"}}, training={"batchSize": 4})

    outcome = run_well(job, make_mixed_reviews)

    assert_better(outcome, "f1", 0.7)
    model, tokenizer = load(job.output, "AutoModelForSequenceClassification")
    assert model.config.problem_type == "multi_label_classification"
    texts = ["movie warm funny the film", "plot the poor boring film"]
    logits = model(**tokenizer(texts, return_tensors="pt", padding=True)).logits
    praised, blamed = logits.detach().sigmoid()[:, model.config.label2id["praise"]].tolist()
    assert praised > 0.5 > blamed


def test_texts_get_a_number(job: TrainerJob) -> None:
    outcome = run_well(job.with_spec(task="TextRegression"), make_ratings)

    assert_better(outcome, "rmse", 1.0)
    model, tokenizer = load(job.output, "AutoModelForSequenceClassification")
    asked = tokenizer(["good great film", "bad dull film"], return_tensors="pt")
    scores = model(**asked).logits[:, 0].detach()
    assert float(scores[0] - scores[1]) > 0.5


def test_words_get_tags(job: TrainerJob) -> None:
    job.with_spec(task="TokenClassification", evaluation={"probes": ["the good warm film"]})

    outcome = run_well(job, make_tagged)

    assert_better(outcome, "f1", 0.9)
    from transformers import pipeline

    find = pipeline("token-classification", str(job.output), aggregation_strategy="simple")
    found = [(entity["entity_group"], entity["word"]) for entity in find("the good warm film")]
    assert found == [("GOOD", "good warm")]


def test_answers_are_found_and_missed_where_there_are_none(job: TrainerJob) -> None:
    recipe = {"maxLength": 12, "documentStride": 3}
    job.with_spec(task="QuestionAnswering", training=recipe)

    outcome = run_well(job, make_questions, epochs=8)

    assert_better(outcome, "f1", 0.8)
    assert outcome.report is not None
    model, tokenizer = load(job.output, "AutoModelForQuestionAnswering")
    asked = tokenizer("is it good", "the plot was lovely and dull", return_tensors="pt")
    given = model(**asked)
    first, last = int(given.start_logits.argmax()), int(given.end_logits.argmax())
    assert tokenizer.decode(asked["input_ids"][0, first : last + 1]) == "lovely"


def test_rows_of_a_table_are_sorted_by_their_texts(job: TrainerJob) -> None:
    def make_table(count: int, seed: int) -> list[Row]:
        return [
            {"words": row["text"], "number": n, "label": row["label"]}
            for n, row in enumerate(make_reviews(count, seed))
        ]

    job.with_spec(dataset={"textTemplate": "scene {number}: {words}"})

    outcome = run_well(job, make_table)

    assert_better(outcome, "f1", 0.9)


@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "BERT"])
def test_every_family_of_encoders_sorts_texts(tmp_path: Path, family: str) -> None:
    folder = FAMILIES[family](tmp_path / "tiny")
    job = a_trainer_job(tmp_path / "pod", folder)

    outcome = run_well(job, make_reviews)

    assert_better(outcome, "f1", 0.9)
    model, tokenizer = load(job.output, "AutoModelForSequenceClassification")
    # Of different lengths: a model that looked at the padding would answer something else.
    texts = ["this film was awful", "it is superb and lovely and great and funny 12"]
    numbers = model(**tokenizer(texts, return_tensors="pt", padding=True)).logits.argmax(dim=-1)
    assert [model.config.id2label[int(n)] for n in numbers] == ["negative", "positive"]


TAGGED: Row = {"tokens": ["good", "film"], "tags": ["B-GOOD", "O"]}
ASKED: Row = {
    "question": "is it good",
    "context": "the plot was lovely",
    "answers": {"text": ["lovely"], "answer_start": [13]},
}


@pytest.mark.parametrize(
    ("task", "good", "bad", "says"),
    [
        pytest.param(
            "TokenClassification",
            TAGGED,
            {"tags": ["O"]},
            "dataset.train: row 41 of train.jsonl has 2 tokens but 1 tags: each word needs one tag",
            id="fewer tags than tokens",
        ),
        pytest.param(
            "TokenClassification",
            TAGGED,
            {"tokens": ["good", ""]},
            "row 41 of train.jsonl has '' as its word 2",
            id="an empty word",
        ),
        pytest.param(
            "TokenClassification",
            TAGGED,
            {"tags": ["B-GOOD", None]},
            "row 41 of train.jsonl has no tag for its word 2",
            id="a word without a tag",
        ),
        pytest.param(
            "QuestionAnswering",
            ASKED,
            {"answers": {"text": ["lovely"], "answer_start": [12]}},
            "the answer 'lovely' at answer_start 12, where the context has ' lovel'; it begins"
            " at 13",
            id="an answer that is one off",
        ),
        pytest.param(
            "QuestionAnswering",
            ASKED,
            {"answers": {"text": ["lovely", "plot"], "answer_start": [13]}},
            "row 41 of train.jsonl has 2 answers but 1 places where they start",
            id="an answer without a place",
        ),
        pytest.param(
            "QuestionAnswering",
            ASKED,
            {"answers": "lovely"},
            "row 41 of train.jsonl has 'lovely' where {'text': […], 'answer_start': […]} belongs",
            id="an answer without its place",
        ),
        pytest.param(
            "QuestionAnswering",
            ASKED,
            {"question": " "},
            "row 41 of train.jsonl has an empty text",
            id="no question",
        ),
        pytest.param(
            "TextRegression",
            {"text": "a good film", "label": 3.5},
            {"label": "high"},
            "row 41 of train.jsonl has 'high' where a number belongs",
            id="a word for a number",
        ),
        pytest.param(
            "TextRegression",
            {"text": "a good film", "label": 3.5},
            {"label": None},
            "row 41 of train.jsonl has no number",
            id="no number",
        ),
    ],
)
def test_bad_rows_are_refused_before_the_model_is_looked_at(
    job: TrainerJob, task: str, good: Row, bad: Row, says: str
) -> None:
    job.with_train_rows([*[good] * 40, good | bad], "train.jsonl")
    job.with_spec(task=task, model={"source": "pvc://data/no-model"})

    outcome = run(job)

    assert outcome.exit_code == ExitCode.BAD_DATA
    assert says in outcome.message
    assert outcome.hint


@pytest.mark.parametrize(
    ("dataset", "rows", "says", "hint"),
    [
        pytest.param(
            {"columns": {"textPair": "second"}},
            make_pairs(40),
            "has no column 'second'; it has text, text_pair, label",
            "set dataset.columns.textPair to the column that holds the text pair",
            id="a second text that is not there",
        ),
        pytest.param(
            {"columns": {"labels": "labels"}, "labels": ["praise", "blame"]},
            [*make_mixed_reviews(40), {"text": "a film", "labels": "praise|blam"}],
            "row 41 of train.jsonl has the label 'blam', which is not one of praise, blame",
            "did you mean 'blame'?",
            id="a label that is not listed",
        ),
        pytest.param(
            {"columns": {"labels": "labels"}},
            [*make_mixed_reviews(40), {"text": "a film", "labels": ["praise", "praise"]}],
            "row 41 of train.jsonl has the label 'praise' 2 times",
            "mend or remove the rows",
            id="a label twice",
        ),
        pytest.param(
            {"textTemplate": "{text} by {autor}"},
            make_reviews(40),
            "has no column 'autor'; it has text, label",
            "write {a column that is there} in dataset.textTemplate",
            id="a template of a column that is not there",
        ),
    ],
)
def test_bad_columns_and_labels_are_refused_before_the_model_is_looked_at(
    job: TrainerJob, dataset: dict[str, Any], rows: list[Row], says: str, hint: str
) -> None:
    job.with_train_rows(rows, "train.jsonl")
    job.with_spec(dataset=dataset, model={"source": "pvc://data/no-model"})

    outcome = run(job)

    assert outcome.exit_code == ExitCode.BAD_DATA
    assert says in outcome.message
    assert hint in str(outcome.hint)


def test_a_tag_outside_the_list_is_refused(job: TrainerJob) -> None:
    rows = [TAGGED] * 40 + [{"tokens": ["dull", "film"], "tags": ["B-GOD", "O"]}]
    job.with_train_rows(rows, "train.jsonl").with_spec(
        task="TokenClassification", dataset={"labels": ["O", "B-GOOD"]}
    )

    outcome = run(job)

    assert outcome.exit_code == ExitCode.BAD_DATA
    assert "row 41 of train.jsonl has the label 'B-GOD', which is not one of" in outcome.message
    assert outcome.hint == "did you mean 'B-GOOD'?"


def test_a_question_that_leaves_no_room_for_its_context_is_refused(job: TrainerJob) -> None:
    long = ASKED | {"question": "what " * 20}
    job.with_train_rows([*make_questions(40), long], "train.jsonl").with_spec(
        task="QuestionAnswering", dataset={"validation": {"fraction": 0.1}}
    )

    outcome = run(job)

    assert outcome.exit_code == ExitCode.BAD_DATA
    assert "row 41 of train.jsonl (1 rows in all) has a question of" in outcome.message
    assert "windows of 32 tokens have room for 16" in outcome.message
