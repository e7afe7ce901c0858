"""Models and data sets of a hub, against a server that speaks its API."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from finetune_api.contract.exit_codes import MEANINGS, ExitCode
from finetune_api.contract.outcomes import Outcome
from hub_server import COMMIT, HubServer, Repository
from trainer_jobs import TrainerJob, a_trainer_job, make_reviews, write_csv, write_parquet

HUB_MODEL = {"model": {"source": "hf://org/tiny"}}
HUB_DATA = {"dataset": {"train": {"source": "hf://org/reviews"}}}


@pytest.fixture
def hub(tmp_path: Path, tiny_bert: Path) -> Iterator[HubServer]:
    """A hub with one model, which has files that nobody should load, and one data set."""
    model, reviews = tmp_path / "hub" / "tiny", tmp_path / "hub" / "reviews"
    shutil.copytree(tiny_bert, model)
    (model / "modeling_tiny.py").write_text("raise SystemExit('code of the model was run')")
    (model / "pytorch_model.bin").write_bytes(b"\x80\x04")
    write_csv(reviews / "train.csv", make_reviews(60))
    write_csv(reviews / "test.csv", make_reviews(20, seed=4, offset=100))
    with HubServer({"org/tiny": Repository(model)}, {"org/reviews": Repository(reviews)}) as server:
        yield server


@pytest.fixture
def hub_job(tmp_path: Path) -> TrainerJob:
    return a_trainer_job(tmp_path / "pod").with_spec(training={"epochs": 1})


def run(job: TrainerJob, url: str, **variables: str) -> Outcome:
    """Run it as a process: the hub's client reads its variables when it is imported."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(job.folder),
        "HF_ENDPOINT": url,
        **job.environment(),
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-m", "finetune_trainer"],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    outcome = job.read_outcome()
    assert done.returncode == outcome.exit_code, done.stderr[-2000:]
    assert not any(token in done.stderr for token in variables.values())
    return outcome


def test_model_and_data_come_from_the_hub_pinned_and_without_anything_unsafe(
    hub: HubServer, hub_job: TrainerJob
) -> None:
    hub_job.with_spec(
        **HUB_MODEL, dataset=HUB_DATA["dataset"] | {"test": {"source": "hf://org/reviews"}}
    )

    outcome = run(hub_job, hub.url)

    assert outcome.succeeded, outcome.message
    assert outcome.report is not None
    assert outcome.report.resolved is not None
    assert outcome.report.resolved.model_revision == COMMIT
    assert outcome.report.resolved.rows == {"train": 48, "validation": 12, "test": 20}
    assert hub.downloads() == [
        "config.json",
        "model.safetensors",
        "test.csv",
        "tokenizer.json",
        "tokenizer_config.json",
        "train.csv",
    ]


def hide(repository: Repository) -> None:
    repository.token = "hf_right"


def answer(status: int) -> Callable[[Repository], None]:
    def change(repository: Repository) -> None:
        repository.status = status

    return change


def keep_pickles_only(repository: Repository) -> None:
    (repository.folder / "model.safetensors").unlink()


def nothing(repository: Repository) -> None:
    """Leave it as it is."""


@pytest.mark.parametrize(
    ("change", "model", "token", "code"),
    [
        pytest.param(
            nothing, {"source": "hf://org/nope"}, "hf_any", ExitCode.NOT_FOUND, id="no such model"
        ),
        pytest.param(nothing, {"revision": "b" * 40}, "", ExitCode.NOT_FOUND, id="no such commit"),
        pytest.param(hide, {}, "", ExitCode.ACCESS_DENIED, id="gated, without a token"),
        pytest.param(hide, {}, "hf_wrong", ExitCode.ACCESS_DENIED, id="gated, not for this token"),
        pytest.param(answer(500), {}, "", ExitCode.TRANSIENT, id="the hub is broken"),
        pytest.param(keep_pickles_only, {}, "", ExitCode.BAD_CONFIG, id="pickles only"),
    ],
)
def test_what_the_hub_says_of_a_model_becomes_an_exit_code(
    hub: HubServer,
    hub_job: TrainerJob,
    change: Callable[[Repository], None],
    model: dict[str, str],
    token: str,
    code: ExitCode,
) -> None:
    change(hub.models["org/tiny"])
    hub_job.with_spec(model=HUB_MODEL["model"] | model)

    outcome = run(hub_job, hub.url, **({"HF_TOKEN": token} if token else {}))

    assert (outcome.exit_code, outcome.reason) == (code, MEANINGS[code].reason)
    assert outcome.message.startswith(f"model.source {model.get('source', 'hf://org/tiny')}")
    assert "model.safetensors" not in hub.downloads()


def test_the_right_token_opens_a_gated_model(hub: HubServer, hub_job: TrainerJob) -> None:
    hide(hub.models["org/tiny"])

    outcome = run(hub_job.with_spec(**HUB_MODEL), hub.url, HF_TOKEN="hf_right")

    assert outcome.succeeded, outcome.message


def test_a_hub_that_cannot_be_reached_is_a_hiccup(hub_job: TrainerJob) -> None:
    outcome = run(hub_job.with_spec(**HUB_MODEL), "http://127.0.0.1:9")

    assert outcome.exit_code == ExitCode.TRANSIENT


@pytest.mark.parametrize(
    ("dataset", "code", "message"),
    [
        pytest.param(
            {"train": {"source": "hf://org/nope"}},
            ExitCode.NOT_FOUND,
            "dataset.train.source hf://org/nope",
            id="no such data set",
        ),
        pytest.param(
            {"train": {"source": "hf://org/reviews", "split": "nope"}},
            ExitCode.NOT_FOUND,
            "dataset.train.source hf://org/reviews",
            id="no such split",
        ),
        pytest.param(
            {"columns": {"text": "review"}},
            ExitCode.BAD_DATA,
            "dataset.train (hf://org/reviews, split train) has no column 'review'",
            id="no such column",
        ),
    ],
)
def test_what_is_wrong_with_a_data_set_of_the_hub_is_told(
    hub: HubServer, hub_job: TrainerJob, dataset: dict[str, object], code: ExitCode, message: str
) -> None:
    hub_job.with_spec(**HUB_DATA).with_spec(dataset=dataset)

    outcome = run(hub_job, hub.url, HF_TOKEN="hf_any")

    assert outcome.exit_code == code
    assert outcome.message.startswith(message)


def test_a_later_attempt_uses_the_commit_that_the_first_one_used(
    hub: HubServer, hub_job: TrainerJob
) -> None:
    hub_job.with_spec(**HUB_MODEL, dataset={"columns": {"text": "text"}})
    hub_job.with_spec(method={"freeze": {"lowestLayers": 99}})
    assert run(hub_job, hub.url).exit_code == ExitCode.BAD_CONFIG

    hub.models["org/tiny"].commit = "d" * 40
    outcome = run(hub_job.with_attempt(2), hub.url)

    assert (outcome.exit_code, outcome.reason) == (ExitCode.NOT_FOUND, "NotFound")
    assert COMMIT in " ".join(hub.requests[-3:])


def test_parquet_of_the_hub_is_read(hub: HubServer, hub_job: TrainerJob) -> None:
    folder = hub.datasets["org/reviews"].folder
    shutil.rmtree(folder)
    write_parquet(folder / "data" / "train-00000-of-00001.parquet", make_reviews(60))

    outcome = run(hub_job.with_spec(**HUB_DATA), hub.url)

    # There is no model: the data was good.
    assert outcome.exit_code == ExitCode.NOT_FOUND
    assert outcome.report is not None
    assert outcome.report.resolved is not None
    assert outcome.report.resolved.rows == {"train": 48, "validation": 12}
