"""Whole runs that are examined: gates, groups, forgetting, probes, and restarts in between."""

import json
import random
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from finetune_api.contract.exit_codes import ExitCode
from finetune_api.contract.outcomes import Outcome
from finetune_api.v1alpha1.status import Metrics
from finetune_trainer.__main__ import main
from finetune_trainer.preemption import Preemption
from language_models import make_facts, make_tiny_llama
from trainer_jobs import Row, TrainerJob, a_trainer_job, make_reviews, write_jsonl
from trainer_processes import CHECKS_BEFORE_TRAINING, PreemptAtCheck
from trainer_runs import run, run_well
from trainer_texts import make_questions, make_tagged

GOOD_RECIPE = {"epochs": 4, "learningRate": 0.003}
NOTHING_IS_LEARNED = {"epochs": 1, "learningRate": 1e-9}
OTHER_LABEL = {"positive": "negative", "negative": "positive"}


def metrics_of(outcome: Outcome) -> Metrics:
    assert outcome.report is not None
    assert outcome.report.metrics is not None
    return outcome.report.metrics


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def flip(rows: list[Row]) -> list[Row]:
    return [row | {"label": OTHER_LABEL[row["label"]]} for row in rows]


@pytest.fixture(scope="module")
def reviewer(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Path:
    """A model that knows reviews: its output layer has both labels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("cache")))
        job = a_trainer_job(tmp_path_factory.mktemp("reviewer"), tiny_bert)
        job.with_train_rows(make_reviews(300)).with_spec(training=GOOD_RECIPE)
        assert main(job.environment(), Preemption()) == ExitCode.DONE
    return job.output


@pytest.fixture
def tuned(job: TrainerJob, reviewer: Path) -> TrainerJob:
    """A job that starts from the reviewer."""
    shutil.copytree(reviewer, job.claim / "reviewer")
    return job.with_spec(model={"source": "pvc://data/reviewer"})


def test_a_model_that_is_not_good_enough_is_kept_aside_and_a_restart_says_the_same(
    job: TrainerJob,
) -> None:
    job.with_spec(
        training=NOTHING_IS_LEARNED,
        evaluation={"gate": {"metric": "accuracy", "minimum": 0.99, "beatBaseline": True}},
    )

    outcome = run(job)

    assert (outcome.exit_code, outcome.reason) == (ExitCode.QUALITY_GATE, "QualityGateFailed")
    assert "evaluation.gate.minimum: accuracy is 0.5 on the validation rows" in outcome.message
    assert "evaluation.gate.beatBaseline: accuracy is 0.5" in outcome.message
    assert not job.output.exists()
    kept = {artifact.name: artifact.uri for artifact in outcome.artifacts}
    assert kept["rejected-model"] == f"{job.resolve().checkpoints_uri}/rejected-model"
    assert (job.checkpoints / "rejected-model" / "model.safetensors").is_file()
    assert "## Not published" in (job.checkpoints / "rejected-model" / "README.md").read_text()

    (job.claim / "train.csv").unlink()
    again = run(job.with_attempt(2))

    assert (again.exit_code, again.message) == (outcome.exit_code, outcome.message)
    assert again.artifacts == outcome.artifacts
    assert metrics_of(again) == metrics_of(outcome)


def test_a_model_that_is_good_enough_is_published(tuned: TrainerJob) -> None:
    tuned.with_spec(
        evaluation={"gate": {"minimum": 0.9, "beatModel": "pvc://data/reviewer"}},
    )

    run_well(tuned)

    assert (tuned.output / "model.safetensors").is_file()
    assert not (tuned.checkpoints / "rejected-model").exists()


def test_a_model_that_is_worse_than_the_one_it_would_replace_is_kept_aside(
    job: TrainerJob, reviewer: Path
) -> None:
    """The labels are in another order here: they are compared by name."""
    shutil.copytree(reviewer, job.claim / "last-week")
    job.with_spec(
        training=NOTHING_IS_LEARNED,
        dataset={"labels": ["positive", "negative"]},
        evaluation={"gate": {"metric": "accuracy", "beatModel": "pvc://data/last-week"}},
    )

    outcome = run(job)

    assert outcome.exit_code == ExitCode.QUALITY_GATE
    assert "worse than 1 of pvc://data/last-week" in outcome.message


@pytest.mark.parametrize(
    ("source", "labels", "code", "message"),
    [
        pytest.param(
            "pvc://gone/model",
            None,
            ExitCode.NOT_FOUND,
            "evaluation.gate.beatModel pvc://gone/model is not there",
            id="on a volume that is not there",
        ),
        pytest.param(
            "pvc://data/base",
            None,
            ExitCode.BAD_CONFIG,
            "evaluation.gate.beatModel pvc://data/base knows the labels",
            id="without the labels of the job",
        ),
    ],
)
def test_a_model_that_cannot_be_compared_with_is_refused_before_training(
    job: TrainerJob, source: str, labels: None, code: ExitCode, message: str
) -> None:
    outcome = run(job.with_spec(evaluation={"gate": {"beatModel": source}}))

    assert outcome.exit_code == code
    assert message in outcome.message
    assert outcome.report is not None
    assert outcome.report.step == 0


def make_regions(count: int) -> list[Row]:
    """Rows of two regions; in the south the labels are the other way round."""
    rows = make_reviews(count, seed=5, offset=3000)
    north = [row | {"region": "north"} for row in rows[: count * 3 // 4]]
    return north + [row | {"region": "south"} for row in flip(rows[count * 3 // 4 :])]


def with_regions(job: TrainerJob, maximum_gap: float | None = None) -> TrainerJob:
    """Only the test rows have a region."""
    slices: dict[str, Any] = {"columns": ["region"], "minimumRows": 10}
    if maximum_gap is not None:
        slices["maximumGap"] = maximum_gap
    return job.with_test_rows(make_regions(80)).with_spec(
        evaluation={"slices": slices}, earlyStopping={"metric": "accuracy"}
    )


def test_groups_are_measured_one_by_one(tuned: TrainerJob) -> None:
    outcome = run_well(with_regions(tuned))

    gaps = metrics_of(outcome).slices
    assert gaps is not None
    assert [(gap.column, gap.best, gap.worst) for gap in gaps] == [("region", "north", "south")]
    assert gaps[0].gap > 0.5
    groups = read(tuned.output / "slices.json")["region"]["groups"]
    assert [(group["value"], group["n"]) for group in groups] == [("north", 60), ("south", 20)]
    assert groups[0]["metrics"]["accuracy"] == gaps[0].best_value
    card = (tuned.output / "README.md").read_text()
    assert "It was examined for bias by region" in card
    assert "| north | 60 |" in card


def test_a_group_that_is_served_much_worse_keeps_the_model_aside(tuned: TrainerJob) -> None:
    outcome = run(with_regions(tuned, maximum_gap=0.2))

    assert outcome.exit_code == ExitCode.QUALITY_GATE
    said = r"evaluation.slices.maximumGap is 0.2: accuracy is 0[.\d]* where region is 'south' and"
    assert re.search(said, outcome.message)
    assert not tuned.output.exists()


@pytest.mark.parametrize(
    ("column", "message", "hint"),
    [
        pytest.param("regoin", "has no column 'regoin'", "name 'region' in", id="misspelt"),
        pytest.param("country", "every test row has the country 'de'", "name another", id="one"),
        pytest.param("text", "80 different values in 80 test rows", "few values", id="one each"),
    ],
)
def test_a_column_that_makes_no_groups_is_refused(
    job: TrainerJob, column: str, message: str, hint: str
) -> None:
    job.with_test_rows([row | {"country": "de"} for row in make_regions(80)])

    outcome = run(job.with_spec(evaluation={"slices": {"columns": [column]}}))

    assert outcome.exit_code == ExitCode.BAD_DATA
    assert message in outcome.message
    assert hint in (outcome.hint or "")


def with_another_truth(tuned: TrainerJob, **forgetting: Any) -> TrainerJob:
    """Teach the reviewer the opposite, and ask whether it still knows reviews."""
    write_jsonl(tuned.claim / "general.jsonl", make_reviews(60, seed=8, offset=5000))
    return tuned.with_train_rows(flip(make_reviews(160))).with_spec(
        training=GOOD_RECIPE,
        earlyStopping={"metric": "accuracy"},
        evaluation={"forgetting": {"source": "pvc://data/general.jsonl", **forgetting}},
    )


def test_what_a_model_forgets_is_measured(tuned: TrainerJob) -> None:
    outcome = run_well(with_another_truth(tuned))

    compared = {metric.name: metric for metric in metrics_of(outcome).forgetting or ()}
    assert compared["accuracy"].before > 0.8
    assert compared["accuracy"].after < 0.2
    assert compared["accuracy"].drop == pytest.approx(
        compared["accuracy"].before - compared["accuracy"].after, abs=1e-6
    )
    assert compared["loss"].drop > 0
    assert "## Forgetting" in (tuned.output / "README.md").read_text()
    assert read(tuned.output / "metrics.json")["forgetting"][0]["name"] == "accuracy"


def test_a_model_that_forgets_too_much_is_kept_aside(tuned: TrainerJob) -> None:
    outcome = run(with_another_truth(tuned, maximumDrop=0.1))

    assert outcome.exit_code == ExitCode.QUALITY_GATE
    assert "evaluation.forgetting.maximumDrop: accuracy got worse by" in outcome.message


def test_a_new_output_layer_has_nothing_to_forget(job: TrainerJob) -> None:
    write_jsonl(job.claim / "general.jsonl", make_reviews(20))
    job.with_spec(evaluation={"forgetting": {"source": "pvc://data/general.jsonl"}})

    outcome = run(job)

    assert outcome.exit_code == ExitCode.BAD_CONFIG
    assert "evaluation.forgetting compares with the untouched model" in outcome.message
    assert outcome.report is not None
    assert outcome.report.step == 0


def test_probes_are_answered_before_and_after(tuned: TrainerJob) -> None:
    texts = ["this film was superb and lovely", "this film was awful and dull"]
    with_another_truth(tuned).with_spec(evaluation={"forgetting": None, "probes": texts})

    run_well(tuned)

    found = read(tuned.output / "probes.json")
    assert found["beforeIsNullBecause"] is None
    assert [probe["text"] for probe in found["probes"]] == texts
    assert [probe["before"].split()[0] for probe in found["probes"]] == ["positive", "negative"]
    assert [probe["after"].split()[0] for probe in found["probes"]] == ["negative", "positive"]
    assert f"| {texts[0]} | positive" in (tuned.output / "README.md").read_text()


def test_before_training_a_new_output_layer_has_no_answers(job: TrainerJob) -> None:
    run_well(job.with_spec(evaluation={"probes": ["a lovely film"]}, training={"epochs": 1}))

    found = read(job.output / "probes.json")
    assert found["probes"][0]["before"] is None
    assert found["probes"][0]["after"]
    assert "no output layer for this task" in found["beforeIsNullBecause"]


def test_an_examined_job_that_is_cut_short_gives_the_same(tuned: TrainerJob) -> None:
    """What was asked before training is recalled; the model to beat may be gone by then."""
    shutil.copytree(tuned.claim / "reviewer", tuned.claim / "last-week")
    with_another_truth(tuned).with_spec(
        evaluation={"probes": ["a lovely film"], "gate": {"beatModel": "pvc://data/last-week"}},
        earlyStopping={"metric": "loss"},
        training={"epochs": 2},
    )
    run_well(tuned)
    names = ("metrics.json", "probes.json", "model.safetensors")
    expected = [(tuned.output / name).read_bytes() for name in names]
    shutil.rmtree(tuned.checkpoints)
    shutil.rmtree(tuned.output)

    outcome = run(tuned, PreemptAtCheck(CHECKS_BEFORE_TRAINING + 26))
    assert outcome.exit_code == ExitCode.PREEMPTED
    assert outcome.report is not None
    assert outcome.report.step > 0
    shutil.rmtree(tuned.claim / "last-week")
    run_well(tuned.with_attempt(2))

    assert [(tuned.output / name).read_bytes() for name in names] == expected


def test_learning_by_heart_is_warned_of_once(job: TrainerJob) -> None:
    """Labels by the toss of a coin: there is nothing to learn but the rows themselves."""
    coin = random.Random(1)
    rows = [row | {"label": coin.choice(("positive", "negative"))} for row in make_reviews(64)]
    job.with_train_rows(rows).with_spec(
        training={"epochs": 12, "learningRate": 0.003, "schedule": {"type": "Constant"}},
        earlyStopping={"enabled": False},
    )

    report = run_well(job).report

    assert report is not None
    assert report.resolved is not None
    told = [warning for warning in report.resolved.warnings if warning.startswith("overfitting:")]
    assert len(told) == 1
    assert "while the training loss fell from" in told[0]


def test_intervals_and_confusion_lie_beside_the_model(tuned: TrainerJob) -> None:
    tuned.with_test_rows(make_reviews(60, seed=9, offset=900)).with_spec(training={"epochs": 1})

    run_well(tuned)

    found = read(tuned.output / "metrics.json")
    low, high = found["intervals"]["test"]["f1"]
    assert low <= found["test"]["f1"] <= high
    assert set(found["intervals"]["test"]) == set(found["test"])
    assert list(found["intervals"]["best"]) == ["accuracy"]
    lines = (tuned.output / "confusion.csv").read_text().splitlines()
    assert lines[0] == "label \\ answer,negative,positive"
    assert sum(int(n) for line in lines[1:] for n in line.split(",")[1:]) == 60


def half(rows: Sequence[Row]) -> list[Row]:
    return [row | {"half": ("first", "second")[n % 2]} for n, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("task", "rows", "probe"),
    [
        pytest.param("TokenClassification", make_tagged(60, 9), "the good film", id="words"),
        pytest.param("QuestionAnswering", make_questions(60, 9), None, id="several windows a row"),
    ],
)
def test_groups_and_probes_are_there_for_other_tasks(
    job: TrainerJob, task: str, rows: Sequence[Row], probe: str | None
) -> None:
    write_jsonl(job.claim / "test.jsonl", half(rows))
    job.with_train_rows(rows, "train.jsonl").with_spec(
        task=task,
        dataset={"test": {"source": "pvc://data/test.jsonl"}},
        training={"epochs": 1},
        evaluation={"slices": {"columns": ["half"]}, "probes": [probe] if probe else []},
    )

    outcome = run_well(job)

    gaps = metrics_of(outcome).slices
    assert gaps is not None
    assert gaps[0].column == "half"
    groups = read(job.output / "slices.json")["half"]["groups"]
    assert [group["n"] for group in groups] == [30, 30]
    assert set(groups[0]["metrics"]) == set(read(job.output / "metrics.json")["test"])
    assert (job.output / "probes.json").exists() is (probe is not None)


def test_a_model_that_continues_texts_is_asked_before_and_after(tmp_path: Path) -> None:
    """It has its output layer from the start, so all of it can be compared."""
    job = a_trainer_job(tmp_path, make_tiny_llama(tmp_path / "tiny"))
    facts = make_facts(120)
    write_jsonl(job.claim / "general.jsonl", facts[100:])
    job.with_train_rows(facts[:100], "train.jsonl").with_spec(
        task="CausalLM",
        evaluation={
            "probes": [facts[0]["text"].split()[0]],
            "forgetting": {"source": "pvc://data/general.jsonl", "maximumDrop": 1000},
            "gate": {"beatBaseline": True},
        },
    )

    outcome = run_well(job)

    compared = {metric.name: metric for metric in metrics_of(outcome).forgetting or ()}
    assert compared["perplexity"].drop < 0
    assert read(job.output / "probes.json")["probes"][0]["before"] is not None


@pytest.mark.slow
def test_training_stops_when_its_time_is_up(job: TrainerJob) -> None:
    job.with_train_rows(make_reviews(400)).with_spec(
        training={"epochs": 1000},
        earlyStopping={"metric": "loss", "timeBudgetSeconds": 10, "patience": 100},
    )

    report = run_well(job).report

    assert report is not None
    assert report.early_stopping is not None
    assert report.early_stopping.reason == "TimeBudget"
    assert report.train_seconds is not None
    assert 10 <= report.train_seconds < 30
