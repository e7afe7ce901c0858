"""Models published to a hub, against a server that speaks its API."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from finetune_api.contract.exit_codes import ExitCode
from finetune_api.contract.outcomes import Outcome
from finetune_trainer.models.weights import find_problem
from hub_server import HubServer, Repository
from trainer_jobs import TrainerJob, a_trainer_job

NAME = "org/reviews"
TOKEN = "hf_write"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubServer]:
    with HubServer(new_folder=tmp_path / "hub") as server:
        yield server


@pytest.fixture
def job(tmp_path: Path, tiny_bert: Path) -> TrainerJob:
    job = a_trainer_job(tmp_path / "pod", tiny_bert).with_spec(training={"epochs": 1})
    (job.volumes / f"{job.name}-checkpoints").mkdir(parents=True)
    return job.with_spec(
        model={"credentialsSecretName": "hf"}, output={"destination": f"hf://{NAME}"}
    )


def run(job: TrainerJob, hub: HubServer, token: str = TOKEN) -> Outcome:
    """Run it as a process: the hub's client reads its variables when it is imported."""
    keep = {"PATH": os.environ["PATH"], "HOME": str(job.folder), "HF_ENDPOINT": hub.url}
    done = subprocess.run(
        [sys.executable, "-m", "finetune_trainer"],
        env={**keep, **job.environment(), **({"HF_TOKEN": token} if token else {})},
        check=False,
        capture_output=True,
        text=True,
    )
    outcome = job.read_outcome()
    assert done.returncode == outcome.exit_code, done.stderr[-2000:]
    assert not token or token not in done.stderr
    return outcome


def a_repository(hub: HubServer, **files: str) -> Repository:
    assert hub.new_folder is not None
    folder = hub.new_folder / NAME
    folder.mkdir(parents=True)
    for name, content in {".gitattributes": "", **files}.items():
        (folder / name.replace("__", ".")).write_text(content)
    hub.models[NAME] = Repository(folder)
    return hub.models[NAME]


def test_a_model_becomes_one_commit_of_a_private_repository(
    hub: HubServer, job: TrainerJob
) -> None:
    first = run(job, hub)
    again = run(job.with_attempt(2), hub)  # the pod was killed between the commit and its end

    assert first.succeeded, first.message
    repository = hub.models[NAME]
    assert repository.is_private
    assert len(repository.commits) == 1
    names = {path.name for path in repository.list_files()}
    assert {"model.safetensors", "config.json", "README.md", "result.json"} <= names
    model = first.artifacts[0]
    assert (model.uri, model.revision) == (f"hf://{NAME}", repository.commit)
    assert again.artifacts[0] == model


def test_what_a_hub_refuses_is_found_out_before_the_data_is_read(
    hub: HubServer, job: TrainerJob
) -> None:
    a_repository(hub).write_token = "hf_another"
    (job.claim / "train.csv").unlink()

    outcome = run(job, hub)

    assert outcome.exit_code == ExitCode.ACCESS_DENIED
    assert outcome.message.startswith(f"output.destination hf://{NAME}")
    assert "may write there" in (outcome.hint or "")


def test_a_repository_of_somebody_else_is_not_replaced(hub: HubServer, job: TrainerJob) -> None:
    a_repository(hub, thesis__tex="years of work")

    outcome = run(job, hub)

    assert outcome.exit_code == ExitCode.BAD_CONFIG
    assert "holds files that no job made: thesis.tex" in outcome.message


def test_a_hub_that_is_broken_is_a_hiccup(hub: HubServer, job: TrainerJob) -> None:
    a_repository(hub).status = 503

    assert run(job, hub).exit_code == ExitCode.TRANSIENT


def test_without_a_token_nothing_is_begun(hub: HubServer, job: TrainerJob) -> None:
    outcome = run(job, hub, token="")

    assert outcome.exit_code == ExitCode.ACCESS_DENIED
    assert "there is no token to write with" in outcome.message


@pytest.mark.parametrize(
    ("part_bytes", "refused"),
    [
        pytest.param(None, 0, id="in one piece"),
        pytest.param(None, 1, id="in one piece, at the second try"),
        pytest.param(20_000, 0, id="in parts"),
    ],
)
def test_large_files_are_sent_apart_from_the_commit(
    hub: HubServer, job: TrainerJob, part_bytes: int | None, refused: int
) -> None:
    hub.large_files.part_bytes, hub.large_files.refused = part_bytes, refused

    outcome = run(job, hub)

    assert outcome.succeeded, outcome.message
    weights = hub.models[NAME].folder / "model.safetensors"
    assert list(hub.large_files.stored.values()) == [weights.read_bytes()]
    assert find_problem(weights) is None
    puts = [line for line in hub.requests if line.startswith("PUT /large/")]
    count = -(-weights.stat().st_size // part_bytes) if part_bytes else 1
    assert len(puts) == count + refused


def test_a_model_that_cannot_be_published_is_kept_and_published_by_the_next_attempt(
    hub: HubServer, job: TrainerJob
) -> None:
    """The token is good at the start, and has lost its right when the model is done."""
    repository = a_repository(hub)
    repository.refuses_commits = True

    outcome = run(job, hub)

    kept = job.resolve().output_uri
    assert outcome.exit_code == ExitCode.ACCESS_DENIED
    assert f"the model is done and lies sealed at {kept}" in outcome.message
    assert f"copy the model from {kept}" in (outcome.hint or "")
    assert outcome.artifacts[0].uri == kept
    sealed = job.volumes / kept.removeprefix("pvc://")
    assert find_problem(sealed / "model.safetensors") is None

    repository.refuses_commits = False
    (job.claim / "base").unlink()  # nothing to train from any more
    again = run(job.with_attempt(2), hub)

    assert again.succeeded, again.message
    assert again.artifacts[0].uri == f"hf://{NAME}"
    assert (repository.folder / "result.json").read_bytes() == (sealed / "result.json").read_bytes()
