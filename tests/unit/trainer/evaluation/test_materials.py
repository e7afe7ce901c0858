import json
from pathlib import Path
from typing import Any

import pytest

from finetune_api.v1alpha1 import FineTuneJobSpec
from finetune_trainer.checkpoints.befores import Before
from finetune_trainer.data.loading import Data
from finetune_trainer.errors import ConfigError, DataError, NotFoundError
from finetune_trainer.evaluation.materials import (
    choose_judged_part,
    fetch_rival,
    find_materials,
)
from finetune_trainer.settings import Settings
from finetune_trainer.tasks.text_classification import TEXT_CLASSIFICATION
from trainer_jobs import TrainerJob, make_reviews, write_jsonl
from trainer_tasks import a_part, a_spec

LABELS = ("negative", "positive")


def some_data(*parts: str) -> Data:
    columns: dict[str, list[Any]] = {"text": ["a", "b"], "label": ["positive", "negative"]}
    return Data({name: a_part(name, **columns) for name in parts}, LABELS, "fingerprint")


def settings_of(job: TrainerJob) -> Settings:
    return Settings.from_environment(job.environment())


def find(job: TrainerJob, spec: FineTuneJobSpec, data: Data) -> Any:
    needs = TEXT_CLASSIFICATION.find_needs(spec.dataset)
    return find_materials(spec, TEXT_CLASSIFICATION, needs, data, settings_of(job))


@pytest.mark.parametrize(
    ("parts", "judged"),
    [
        pytest.param(("train", "validation", "test"), "test", id="the test rows first"),
        pytest.param(("train", "validation"), "validation", id="else the validation rows"),
        pytest.param(("train",), None, id="nothing is left of the folds"),
    ],
)
def test_what_a_model_is_judged_by(parts: tuple[str, ...], judged: str | None) -> None:
    assert choose_judged_part(some_data(*parts).parts) == judged


@pytest.mark.parametrize(
    ("evaluation", "field"),
    [
        pytest.param({"slices": {"columns": ["a"]}}, "evaluation.slices", id="groups"),
        pytest.param(
            {"gate": {"beatModel": "pvc://data/x"}}, "evaluation.gate.beatModel", id="a rival"
        ),
    ],
)
def test_where_all_rows_train_there_is_nothing_to_judge_by(
    job: TrainerJob, evaluation: dict[str, Any], field: str
) -> None:
    spec = a_spec("TextClassification", evaluation=evaluation)

    with pytest.raises(ConfigError, match=f"{field} needs rows that the final model") as caught:
        find(job, spec, some_data("train"))

    assert "dataset.test" in (caught.value.hint or "")


def test_a_minimum_can_be_judged_by_the_folds(job: TrainerJob) -> None:
    spec = a_spec("TextClassification", evaluation={"gate": {"minimum": 0.5}})

    assert find(job, spec, some_data("train")).warnings == ()


def asking_for_general(job: TrainerJob, rows: list[dict[str, Any]]) -> FineTuneJobSpec:
    write_jsonl(job.claim / "general.jsonl", rows)
    source = {"source": "pvc://data/general.jsonl"}
    return a_spec("TextClassification", evaluation={"forgetting": source})


def test_general_rows_are_read_by_the_columns_of_the_task(job: TrainerJob) -> None:
    spec = asking_for_general(job, make_reviews(6))

    found = find(job, spec, some_data("train", "validation"))

    assert len(found.general) == 6
    assert found.general_fingerprint


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        pytest.param(
            [{"text": "a", "label": "so-so"}], "evaluation.forgetting: .* 'so-so'", id="a label"
        ),
        pytest.param(
            [{"words": "a", "label": "positive"}],
            "evaluation.forgetting .* has no column 'text'",
            id="a column",
        ),
    ],
)
def test_general_rows_that_do_not_fit_are_refused(
    job: TrainerJob, rows: list[dict[str, Any]], message: str
) -> None:
    spec = asking_for_general(job, rows)

    with pytest.raises(DataError, match=message):
        find(job, spec, some_data("train", "validation"))


def test_general_rows_that_are_not_there_are_named(job: TrainerJob) -> None:
    spec = a_spec(
        "TextClassification", evaluation={"forgetting": {"source": "pvc://data/gone.jsonl"}}
    )

    with pytest.raises(NotFoundError, match=r"evaluation\.forgetting\.source pvc://data/gone"):
        find(job, spec, some_data("train", "validation"))


def with_rival(job: TrainerJob, labels: tuple[str, ...]) -> FineTuneJobSpec:
    folder = job.claim / "rival"
    folder.mkdir()
    config = {"model_type": "bert", "id2label": dict(enumerate(labels))}
    (folder / "config.json").write_text(json.dumps(config))
    header = json.dumps({}).encode()
    content = len(header).to_bytes(8, "little") + header
    (folder / "model.safetensors").write_bytes(content)
    return a_spec("TextClassification", evaluation={"gate": {"beatModel": "pvc://data/rival"}})


def test_labels_in_another_order_are_the_same_labels(job: TrainerJob) -> None:
    spec = with_rival(job, ("positive", "negative"))

    rival = fetch_rival(spec.evaluation, None, LABELS, settings_of(job))

    assert rival is not None
    assert rival.source == "pvc://data/rival"


def test_other_labels_cannot_be_compared(job: TrainerJob) -> None:
    spec = with_rival(job, ("positive", "odd"))

    with pytest.raises(ConfigError, match="knows the labels positive, odd, and this job negative"):
        fetch_rival(spec.evaluation, None, LABELS, settings_of(job))


def test_a_rival_without_weights_is_named_by_its_field(job: TrainerJob) -> None:
    spec = with_rival(job, LABELS)
    Path(job.claim / "rival" / "model.safetensors").unlink()

    with pytest.raises(NotFoundError, match=r"^evaluation\.gate\.beatModel pvc://data/rival"):
        fetch_rival(spec.evaluation, None, LABELS, settings_of(job))


def test_a_rival_that_was_measured_once_is_not_needed_again(job: TrainerJob) -> None:
    spec = a_spec("TextClassification", evaluation={"gate": {"beatModel": "pvc://gone/model"}})

    known = Before(rival={"f1": 0.5})

    assert fetch_rival(spec.evaluation, known, LABELS, settings_of(job)) is None
