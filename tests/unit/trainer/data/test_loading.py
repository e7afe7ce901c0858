from pathlib import Path

import pytest

from finetune_trainer.data.loading import Data, load_data
from finetune_trainer.errors import DataError, NotFoundError
from finetune_trainer.settings import Settings
from finetune_trainer.tasks.text_classification import TEXT_CLASSIFICATION
from trainer_jobs import TrainerJob, make_reviews, write_csv, write_jsonl


def load(job: TrainerJob) -> Data:
    spec = job.resolve().spec
    settings = Settings.from_environment(job.environment())
    needs = TEXT_CLASSIFICATION.find_needs(spec.dataset)
    return load_data(spec.dataset, needs, spec.training.seed, settings, {})


def test_a_fifth_is_held_out_where_nothing_is_said(job: TrainerJob) -> None:
    data = load(job.with_train_rows(make_reviews(100)))

    assert data.count_rows() == {"train": 80, "validation": 20}
    assert data.labels == ("negative", "positive")


def test_test_rows_can_be_held_out_too(job: TrainerJob) -> None:
    data = load(
        job.with_train_rows(make_reviews(100)).with_spec(dataset={"test": {"fraction": 0.1}})
    )

    assert data.count_rows() == {"train": 70, "validation": 20, "test": 10}


def test_data_of_its_own_is_used_whole(job: TrainerJob) -> None:
    data = load(job.with_test_rows(make_reviews(30, seed=5, offset=500)))

    assert data.count_rows()["test"] == 30


def test_a_limit_is_taken_before_the_split(job: TrainerJob) -> None:
    data = load(job.with_train_rows(make_reviews(100)).with_spec(dataset={"limit": 50}))

    assert data.count_rows() == {"train": 40, "validation": 10}


def test_a_folder_is_read_file_by_file_in_the_order_of_the_names(job: TrainerJob) -> None:
    rows = make_reviews(40)
    folder = job.claim / "parts"
    write_csv(folder / "b.csv", rows[20:])
    write_csv(folder / "a.csv", rows[:20])
    (folder / "README.md").write_text("about")
    (folder / ".hidden.csv").write_text("x")

    data = load(job.with_spec(dataset={"train": {"source": "pvc://data/parts"}}))

    texts = data.parts["train"].table.columns["text"]
    assert texts == [row["text"] for row in rows]
    assert data.parts["train"].table.describe_row(25) == "row 6 of b.csv"


def test_the_same_rows_give_the_same_data_in_every_format(job: TrainerJob) -> None:
    rows = make_reviews(60)
    prints = {
        load(job.with_train_rows(rows, name)).fingerprint
        for name in ("a.csv", "a.jsonl", "a.parquet")
    }

    assert len(prints) == 1


def test_whole_numbers_are_labels(job: TrainerJob) -> None:
    rows = [{"text": row["text"], "label": n % 3} for n, row in enumerate(make_reviews(60))]

    assert load(job.with_train_rows(rows, "a.jsonl")).labels == ("0", "1", "2")


def test_the_order_of_the_listed_labels_is_kept(job: TrainerJob) -> None:
    data = load(job.with_spec(dataset={"labels": ["positive", "negative"]}))

    assert data.labels == ("positive", "negative")


def test_other_columns_are_named_in_the_spec(job: TrainerJob) -> None:
    rows = [{"review": row["text"], "stars": row["label"]} for row in make_reviews(40)]

    data = load(
        job.with_train_rows(rows).with_spec(
            dataset={"columns": {"text": "review", "label": "stars"}}
        )
    )

    assert len(data.parts["train"]) == 32


def test_a_leak_between_files_is_told(job: TrainerJob) -> None:
    rows = make_reviews(64)

    data = load(job.with_train_rows(rows).with_test_rows(rows[:8]))

    assert any("test rows are also in" in warning for warning in data.warnings)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param(
            "pvc://data/nope.csv",
            "dataset.train.source pvc://data/nope.csv is not there; beside it are empty, train.csv",
            id="a file that is missing lists what is there",
        ),
        pytest.param(
            "pvc://data/no/such/file.csv", "neither is its folder 'such'", id="a missing folder"
        ),
        pytest.param(
            "pvc://data/empty", "is a folder without files of a known format", id="no files"
        ),
    ],
)
def test_a_source_that_is_not_there_is_not_found(
    job: TrainerJob, source: str, message: str
) -> None:
    (job.claim / "empty").mkdir()

    with pytest.raises(NotFoundError, match=message):
        load(job.with_spec(dataset={"train": {"source": source}}))


def test_a_folder_of_several_formats_is_refused(job: TrainerJob) -> None:
    write_csv(job.claim / "mixed" / "a.csv", make_reviews(10))
    write_jsonl(job.claim / "mixed" / "b.jsonl", make_reviews(10))

    with pytest.raises(DataError, match="several formats: CSV, JSONL"):
        load(job.with_spec(dataset={"train": {"source": "pvc://data/mixed"}}))


def test_an_ending_that_tells_nothing_needs_a_format(job: TrainerJob) -> None:
    write_csv(job.claim / "rows.data", make_reviews(40))
    source = {"source": "pvc://data/rows.data"}

    with pytest.raises(DataError, match=r"the ending '\.data' tells no format"):
        load(job.with_spec(dataset={"train": source}))
    assert load(job.with_spec(dataset={"train": source | {"format": "CSV"}})).labels


def test_a_label_of_the_test_rows_that_was_never_learned_is_refused(job: TrainerJob) -> None:
    job.with_test_rows([{"text": "so so", "label": "neutral"}])

    with pytest.raises(DataError, match=r"dataset\.test: row 1 of test\.csv has the label"):
        load(job)


def test_too_few_rows_to_hold_some_out_are_refused(job: TrainerJob) -> None:
    rows = [{"text": "good", "label": "positive"}, {"text": "bad", "label": "negative"}]

    with pytest.raises(DataError, match="the validation part is empty"):
        load(job.with_train_rows(rows))


def test_checking_data_needs_no_torch(tmp_path: Path) -> None:
    """A data error must cost a second, not the ten that torch takes to import."""
    import subprocess
    import sys

    code = (
        "import sys, finetune_trainer.run;"
        "heavy = {'torch', 'transformers', 'datasets', 'sklearn'} & set(sys.modules);"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_rows_that_cannot_be_learned_from_are_left_out_and_told(job: TrainerJob) -> None:
    rows = make_reviews(400)
    path = job.claim / "train.jsonl"
    write_jsonl(path, rows)
    lines = path.read_text().splitlines()
    lines[10] = '{"text": "torn'
    lines[20] = '{"text": "", "label": "positive"}'
    lines[30] = '{"text": "so so", "label": "neutral"}'
    path.write_text("\n".join(lines))
    job.with_spec(
        dataset={
            "train": {"source": "pvc://data/train.jsonl"},
            "labels": ["negative", "positive"],
            "onBadRow": "Drop",
        }
    )

    data = load(job)

    assert sum(data.count_rows().values()) == 397
    assert data.sources["train"].dropped == (
        "dataset.train (train.jsonl) line 11 is no JSON: Invalid control character at column 15",
        "row 21 of train.jsonl: an empty text",
        "row 31 of train.jsonl: the label 'neutral', which is not one of negative, positive",
    )
    assert data.warnings[0].startswith("3 of 400 rows of dataset.train were left out: dataset.tr")
    table = data.parts["train"].table
    assert table.describe_row(table.columns["text"].index(rows[40]["text"])) == (
        "row 41 of train.jsonl"
    )


def test_the_same_rows_fail_the_job_where_nothing_else_is_said(job: TrainerJob) -> None:
    path = job.claim / "train.jsonl"
    write_jsonl(path, make_reviews(400))
    path.write_text(path.read_text() + "{torn\n")

    with pytest.raises(DataError, match="line 401 is no JSON") as caught:
        load(job.with_spec(dataset={"train": {"source": "pvc://data/train.jsonl"}}))
    assert caught.value.hint == "JSONL holds one JSON object on each line"


def test_a_file_of_another_kind_is_not_dropped_row_by_row(job: TrainerJob) -> None:
    (job.claim / "train.jsonl").write_text("<html>\n" * 300)
    job.with_spec(dataset={"train": {"source": "pvc://data/train.jsonl"}, "onBadRow": "Drop"})

    with pytest.raises(DataError, match="300 of 300 rows cannot be learned from, such as dataset"):
        load(job)


def test_general_rows_are_a_part_of_their_own(job: TrainerJob) -> None:
    write_csv(job.claim / "general.csv", make_reviews(30, seed=7, offset=5000))
    job.with_train_rows(make_reviews(100)).with_spec(
        dataset={"replay": {"source": "pvc://data/general.csv", "ratio": 0.2}}
    )

    data = load(job)

    assert data.count_rows() == {"train": 80, "validation": 20, "replay": 30}


def test_a_label_of_a_general_row_that_the_job_does_not_know_is_refused(job: TrainerJob) -> None:
    write_csv(job.claim / "general.csv", [{"text": "so so", "label": "neutral"}])
    job.with_spec(dataset={"replay": {"source": "pvc://data/general.csv"}})

    with pytest.raises(DataError, match=r"dataset\.replay: row 1 of general\.csv has the label"):
        load(job)


def test_general_rows_do_not_change_the_split(job: TrainerJob) -> None:
    write_csv(job.claim / "general.csv", make_reviews(30, seed=7, offset=5000))
    before = load(job).parts
    after = load(job.with_spec(dataset={"replay": {"source": "pvc://data/general.csv"}})).parts

    assert [before[n].column("text") for n in ("train", "validation")] == [
        after[n].column("text") for n in ("train", "validation")
    ]


def test_tab_separated_and_arrow_files_are_told_by_their_endings(job: TrainerJob) -> None:
    import pyarrow.feather

    rows = make_reviews(60)
    expected = load(job.with_train_rows(rows)).fingerprint
    lines = ["text\tlabel", *(f"{row['text']}\t{row['label']}" for row in rows)]
    (job.claim / "rows.tsv").write_text("\n".join(lines))
    pyarrow.feather.write_feather(pyarrow.Table.from_pylist(rows), job.claim / "rows.feather")

    for name in ("rows.tsv", "rows.feather"):
        job.with_spec(dataset={"train": {"source": f"pvc://data/{name}"}})
        assert load(job).fingerprint == expected
