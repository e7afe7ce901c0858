import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finetune_trainer.data import reports
from finetune_trainer.data.columns import Column
from finetune_trainer.data.inspections import Inspection
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.loading import Data, load_data
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.tables import Table
from finetune_trainer.data.wording import describe_report
from finetune_trainer.settings import Settings
from finetune_trainer.tasks.text_classification import TEXT_CLASSIFICATION
from trainer_jobs import TrainerJob, make_reviews


class WordTokenizer:
    unk_token_id = None

    def __call__(self, text: list[str], **options: Any) -> dict[str, list[list[int]]]:
        return {"input_ids": [[1] * len(row.split()) for row in text]}


def load(job: TrainerJob) -> tuple[Data, Needs]:
    spec = job.resolve().spec
    needs = TEXT_CLASSIFICATION.find_needs(spec.dataset)
    settings = Settings.from_environment(job.environment())
    return load_data(spec.dataset, needs, spec.training.seed, settings, {}), needs


def report(job: TrainerJob) -> reports.ValidationReport:
    return reports.build_report(*load(job))


def with_rows(job: TrainerJob, *more: dict[str, str], count: int = 300) -> TrainerJob:
    return job.with_train_rows([*make_reviews(count), *more])


def test_sources_and_parts_are_counted(job: TrainerJob) -> None:
    with_rows(job, {"text": " ", "label": "positive"}, count=299)
    found = report(job.with_spec(dataset={"onBadRow": "Drop"}))

    assert found.sources["dataset.train"].to_json_dict() == {
        "rows": 300,
        "dropped": 1,
        "droppedRows": ["row 300 of train.csv: an empty text"],
    }
    assert {name: part.rows for name, part in found.parts.items()} == {
        "train": 239,
        "validation": 60,
    }
    assert found.parts["train"].labels == {"negative": 119, "positive": 120}
    words = found.parts["train"].columns["text"].words
    assert words is not None
    assert 4 <= words.minimum <= words.median <= words.p99 <= words.maximum <= 12


def test_copies_are_counted_and_nearly_equal_ones_apart(job: TrainerJob) -> None:
    texts = ["so good", "so good", "so good", "So good!"]
    rows = [{"text": text, "label": "positive"} for text in texts]
    job.with_spec(dataset={"validation": {"source": "pvc://data/test.csv"}})
    found = report(with_rows(job, *rows).with_test_rows(make_reviews(60, seed=9, offset=900)))

    train = found.parts["train"]
    assert (train.duplicates, train.near_duplicates) == (2, 1)


def test_rows_of_two_parts_are_named(job: TrainerJob) -> None:
    rows = make_reviews(300)
    shouted = {"text": rows[2]["text"].upper(), "label": "positive"}
    job.with_train_rows(rows).with_test_rows([*make_reviews(60, 9, 900), rows[0], shouted])

    leaks = {(leak.source, leak.target): leak for leak in report(job).leaks}

    total = [leaks.get((part, "test")) for part in ("train", "validation")]
    assert sum(leak.rows for leak in total if leak) == 1
    assert sum(leak.near_rows for leak in total if leak) == 1
    named = {name for leak in total if leak for name in leak.examples}
    assert named == {"row 61 of test.csv", "row 62 of test.csv"}


def test_a_text_with_two_labels_is_named_with_both(job: TrainerJob) -> None:
    twins = ({"text": "so so", "label": "positive"}, {"text": "so so", "label": "negative"})
    job.with_spec(dataset={"validation": {"source": "pvc://data/test.csv"}})
    found = report(with_rows(job, *twins).with_test_rows(make_reviews(60, seed=9, offset=900)))

    assert found.labels is not None
    assert found.labels.contradictions == 1
    assert found.labels.contradicting_rows[0].labels == {
        "negative": ["row 302 of train.csv"],
        "positive": ["row 301 of train.csv"],
    }


def test_what_the_tokenizer_tells_is_added_and_all_is_left_in_the_folder(
    job: TrainerJob, tmp_path: Path
) -> None:
    data, needs = load(with_rows(job))
    inspection = Inspection(data, needs, tmp_path)
    begun = json.loads((tmp_path / reports.REPORT_NAME).read_text())

    class Encoded:
        lengths = [9] * 240
        truncated = 24
        unknown = 0

    inspection.look_closer({"train": Encoded()}, WordTokenizer())

    complete = json.loads((tmp_path / reports.REPORT_NAME).read_text())
    assert "domain" not in begun
    assert complete["domain"]["tokensPerWord"] == 1.0
    assert complete["labels"]["doubts"] == 0
    assert complete["parts"]["train"]["encoded"]["truncatedShare"] == 0.1
    assert complete["summary"] == reports.read_summary(tmp_path) == inspection.report.summary


def test_a_folder_without_a_report_has_nothing_to_say(tmp_path: Path) -> None:
    assert reports.read_summary(tmp_path) == []


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        pytest.param((), "dataset.train: 300 rows were read", id="what was read"),
        pytest.param((), "no row is in two parts", id="no leak"),
        pytest.param((), "labels of train: negative 120, positive 120", id="balance"),
        pytest.param((), "text: half of the training rows have at most 8 words", id="lengths"),
        pytest.param(
            ({"text": "so so", "label": "positive"}, {"text": "so so", "label": "negative"}),
            "1 texts have different labels: row 302 of train.csv (negative) and row 301 of"
            " train.csv (positive)",
            id="contradictions",
        ),
        pytest.param(
            ({"text": "so good", "label": "positive"},) * 5,
            "4 of 305 rows repeat an earlier one, 0 more differ from one in case",
            id="copies",
        ),
    ],
)
def test_the_report_is_said_in_words(
    job: TrainerJob, more: tuple[dict[str, str], ...], sentence: str
) -> None:
    if more:
        job.with_spec(dataset={"validation": {"source": "pvc://data/test.csv"}})
        job.with_test_rows(make_reviews(60, seed=9, offset=900))
    sentences = describe_report(report(with_rows(job, *more)))

    assert any(sentence in told for told in sentences), sentences


def test_what_is_not_known_is_left_out_and_read_back_all_the_same(
    job: TrainerJob, tmp_path: Path
) -> None:
    data, _ = load(job)
    unlabelled = Needs(columns=(Column("text", Kind.TEXT),), identity=("text",))
    wordless = replace(
        data.parts["train"], table=Table({"text": ["ภาพยนตร์เรื่องนี้ดีมากและสนุกมากจริงๆ"] * 80}, ())
    )
    inspection = Inspection(
        replace(data, parts={**data.parts, "train": wordless}), unlabelled, tmp_path
    )

    inspection.look_closer({}, WordTokenizer())

    content = json.loads((tmp_path / reports.REPORT_NAME).read_text())
    assert "labels" not in content
    assert "tokensPerWord" not in content["domain"]
    assert reports.read_summary(tmp_path) == inspection.report.summary
