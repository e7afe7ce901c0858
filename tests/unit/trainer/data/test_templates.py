from typing import Any

import pytest

from finetune_api.v1alpha1.dataset import Dataset
from finetune_trainer.data.loading import Data, load_data
from finetune_trainer.data.templates import list_text_columns, render_texts
from finetune_trainer.errors import ConfigError, DataError
from finetune_trainer.settings import Settings
from finetune_trainer.tasks.text_classification import TEXT_CLASSIFICATION
from trainer_jobs import TrainerJob

TEMPLATE = "merchant: {merchant}; amount: {amount}"


def make_payments(count: int = 20, **changes: Any) -> list[dict[str, Any]]:
    return [
        {"merchant": f"shop {n}", "amount": n + 0.5, "label": ("fraud", "fine")[n % 2]} | changes
        for n in range(count)
    ]


def load(job: TrainerJob) -> Data:
    spec = job.resolve().spec
    settings = Settings.from_environment(job.environment())
    needs = TEXT_CLASSIFICATION.find_needs(spec.dataset)
    return load_data(spec.dataset, needs, spec.training.seed, settings, {})


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_rows_of_a_table_become_texts_in_every_format(job: TrainerJob, name: str) -> None:
    job.with_train_rows(make_payments(), name).with_spec(dataset={"textTemplate": TEMPLATE})

    train = load(job).parts["train"]

    assert train.table.columns["text"][3] == "merchant: shop 3; amount: 3.5"


def test_a_column_that_is_not_there_is_refused_with_the_nearest_name(job: TrainerJob) -> None:
    job.with_train_rows(make_payments()).with_spec(dataset={"textTemplate": "{merchnt}: {amount}"})

    with pytest.raises(DataError, match="has no column 'merchnt'; it has merchant") as refusal:
        load(job)

    assert refusal.value.hint == "write {merchant} in dataset.textTemplate"


def test_a_row_without_any_value_has_no_text(job: TrainerJob) -> None:
    rows = [*make_payments(), *make_payments(1, merchant="", amount="")]
    job.with_train_rows(rows).with_spec(dataset={"textTemplate": TEMPLATE})

    with pytest.raises(DataError, match=r"row 21 of train\.csv has an empty text"):
        load(job)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        pytest.param({"{a}": "x", "{b}": 2.0}, "x is 2, x", id="a column may come twice"),
        pytest.param({"{a}": None, "{b}": True}, " is true, ", id="a missing value leaves a gap"),
        pytest.param({"{a}": "{b}", "{b}": 1}, "{b} is 1, {b}", id="a value is no template"),
    ],
)
def test_a_template_is_filled_with_one_spelling_of_values(
    values: dict[str, Any], text: str
) -> None:
    columns = {role: [value] for role, value in values.items()}

    assert render_texts(columns, "{a} is {b}, {a}") == [text]


@pytest.mark.parametrize("template", ["{a} {b", "{a}} b", "{{a}}", "a} {b}"])
def test_a_brace_without_a_partner_is_refused(template: str) -> None:
    dataset = Dataset.model_validate(
        {"train": {"source": "pvc://data/a.csv"}, "textTemplate": template}
    )

    with pytest.raises(ConfigError, match="without a partner"):
        list_text_columns(dataset)


def test_there_is_no_format_language(job: TrainerJob) -> None:
    job.with_train_rows(make_payments()).with_spec(
        dataset={"textTemplate": "{merchant.__class__} {amount:.2f}"}
    )

    with pytest.raises(DataError, match=r"has no column 'merchant\.__class__'"):
        load(job)
