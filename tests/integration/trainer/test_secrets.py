"""Secrets of a pod: whatever happens, they are found in nothing that the trainer says or leaves."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from canaries import (
    ACCESS_KEY,
    HUB_TOKEN,
    PASSWORD,
    SECRET_KEY,
    USER,
    find_leaks,
    watch_trainer,
)
from finetune_api.contract.environment import Variable
from finetune_api.contract.exit_codes import ExitCode
from hub_server import HubServer, Repository
from s3_server import S3Server
from trainer_jobs import TrainerJob, a_trainer_job, make_reviews, write_csv

TEAM = "team"
DEAD_PROXY = f"http://{USER}:{PASSWORD}@127.0.0.1:9"
DEBUG = {Variable.LOG_LEVEL: "DEBUG", "HF_DEBUG": "1", "DATASETS_VERBOSITY": "debug"}

TALKATIVE = """
import logging, os, sys, threading, warnings
from finetune_trainer import run
from finetune_trainer.__main__ import main

def quote_everything(job, data, plan, board):
    import huggingface_hub

    secrets = "; ".join(os.environ[n] for n in ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY"))
    print(secrets)
    print(secrets, file=sys.stderr)
    warnings.warn(secrets)
    board.warn(secrets)
    logging.getLogger("huggingface_hub").error("refused: %s", secrets)

    def fail():
        raise OSError(secrets)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        fail()
    except OSError as error:
        raise RuntimeError(f"cannot sign in with {secrets}") from error

run._report_plan = quote_everything
sys.exit(main())
"""


@dataclass
class World:
    """What a pod can reach."""

    hub: HubServer
    store: S3Server
    folder: Path

    def variables(self, **changes: str) -> dict[str, str]:
        """Give what a Secret brings into the pod, and a proxy that is not to be used."""
        return {
            "HF_TOKEN": HUB_TOKEN,
            "HF_ENDPOINT": self.hub.url,
            **self.store.variables(AWS_ACCESS_KEY_ID=ACCESS_KEY, AWS_SECRET_ACCESS_KEY=SECRET_KEY),
            "HTTPS_PROXY": DEAD_PROXY,
            "NO_PROXY": "127.0.0.1",
            **changes,
        }


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Iterator[S3Server]:
    folder = tmp_path_factory.mktemp("store")
    with S3Server(folder, keys=(ACCESS_KEY, SECRET_KEY)) as server:
        server.make_bucket(TEAM)
        server.put_folder(TEAM, "bert", tiny_bert)
        rows = write_csv(folder / "rows.csv", make_reviews(40)).read_bytes()
        server.put(TEAM, "rows/train.csv", rows)
        yield server


@pytest.fixture
def world(tmp_path: Path, tiny_bert: Path, store: S3Server) -> Iterator[World]:
    folder = tmp_path / "hub"
    model, reviews = folder / "org" / "tiny", folder / "org" / "reviews"
    shutil.copytree(tiny_bert, model)
    write_csv(reviews / "train.csv", make_reviews(40))
    models = {"org/tiny": Repository(model, token=HUB_TOKEN)}
    datasets = {"org/reviews": Repository(reviews, token=HUB_TOKEN)}
    made = folder / "made"
    with HubServer(models, datasets, new_folder=made, new_write_token=HUB_TOKEN) as hub:
        yield World(hub, store, folder)


@pytest.fixture
def job(tmp_path: Path, tiny_bert: Path) -> TrainerJob:
    job = a_trainer_job(tmp_path / "pod", tiny_bert, rows=40).with_spec(training={"epochs": 1})
    (job.volumes / f"{job.name}-checkpoints").mkdir(parents=True)
    return job


HUB = {
    "model": {"source": "hf://org/tiny", "credentialsSecretName": "credentials"},
    "dataset": {"train": {"source": "hf://org/reviews"}},
    "output": {"destination": "hf://org/published"},
}
STORE = {
    "model": {"source": f"s3://{TEAM}/bert"},
    "dataset": {"train": {"source": f"s3://{TEAM}/rows"}},
    "output": {"destination": f"s3://{TEAM}/published"},
}
VOLUMES: dict[str, Any] = {}
BAD_COLUMN = {"dataset": {"columns": {"text": "review"}}}


def leave(world: World) -> dict[str, str]:
    return {}


def say_everything(world: World) -> dict[str, str]:
    return DEBUG


def refuse_the_token(world: World) -> dict[str, str]:
    world.hub.models["org/tiny"].token = "hf_another"
    return {}


def quote_the_token(world: World) -> dict[str, str]:
    """Let the hub's error repeat what it was sent, as proxies and error pages do."""
    world.hub.models["org/tiny"].status = 500
    world.hub.models["org/tiny"].error = f"no luck with Bearer {HUB_TOKEN}"
    return {}


def use_a_hub_with_a_password(world: World) -> dict[str, str]:
    for repository in (*world.hub.models.values(), *world.hub.datasets.values()):
        repository.token = None
    address = world.hub.url.replace("://", f"://{USER}:{PASSWORD}@")
    return {"HF_ENDPOINT": address, **DEBUG}


def lose_the_hub(world: World) -> dict[str, str]:
    return {"HF_ENDPOINT": f"http://{USER}:{PASSWORD}@127.0.0.1:9", **DEBUG}


def go_by_a_dead_proxy(world: World) -> dict[str, str]:
    addresses = {"HF_ENDPOINT": "http://hub.invalid", "AWS_ENDPOINT_URL": "http://store.invalid"}
    return {"HTTP_PROXY": DEAD_PROXY, **addresses, **DEBUG}


def use_a_wrong_key(world: World) -> dict[str, str]:
    shutil.rmtree(world.folder / "another", ignore_errors=True)
    return {"AWS_ACCESS_KEY_ID": PASSWORD, **DEBUG}


@pytest.mark.parametrize(
    ("spec", "change", "code"),
    [
        pytest.param(VOLUMES, leave, ExitCode.DONE, id="a success on volumes"),
        pytest.param(HUB, leave, ExitCode.DONE, id="a success with a hub"),
        pytest.param(STORE, leave, ExitCode.DONE, id="a success with a bucket"),
        pytest.param(HUB, say_everything, ExitCode.DONE, id="a hub, at DEBUG"),
        pytest.param(STORE, say_everything, ExitCode.DONE, id="a bucket, at DEBUG"),
        pytest.param(BAD_COLUMN, leave, ExitCode.BAD_DATA, id="bad data"),
        pytest.param(HUB | BAD_COLUMN, refuse_the_token, ExitCode.BAD_DATA, id="no such column"),
        pytest.param(
            {"model": HUB["model"]}, refuse_the_token, ExitCode.ACCESS_DENIED, id="a hub says 401"
        ),
        pytest.param(
            {"model": HUB["model"]}, quote_the_token, ExitCode.TRANSIENT, id="a hub quotes it"
        ),
        pytest.param(
            {"model": HUB["model"]}, use_a_hub_with_a_password, ExitCode.DONE, id="a hub's password"
        ),
        pytest.param(
            {"model": HUB["model"]}, lose_the_hub, ExitCode.TRANSIENT, id="no hub at an address"
        ),
        pytest.param(
            {"model": HUB["model"]}, go_by_a_dead_proxy, ExitCode.TRANSIENT, id="a hub by a proxy"
        ),
        pytest.param(
            {"model": STORE["model"]},
            go_by_a_dead_proxy,
            ExitCode.TRANSIENT,
            id="a bucket by a proxy",
        ),
        pytest.param(
            {"model": STORE["model"]}, use_a_wrong_key, ExitCode.ACCESS_DENIED, id="a bucket's 403"
        ),
        pytest.param(
            {"resources": {"nodes": 2}, "model": HUB["model"]},
            say_everything,
            ExitCode.DONE,
            id="two processes",
        ),
    ],
)
def test_no_secret_is_found_in_anything(
    world: World,
    job: TrainerJob,
    spec: dict[str, Any],
    change: Callable[[World], dict[str, str]],
    code: ExitCode,
) -> None:
    variables = world.variables() | change(world)

    seen = watch_trainer(job.with_spec(**spec), variables)

    assert (seen.code, job.read_outcome().exit_code) == (code, code), seen.log[-3000:]
    texts = seen.texts | {"sent to the hub": b"\n".join(world.hub.bodies)}
    assert {"streams", "command lines"} <= set(texts)
    assert seen.processes >= (3 if "resources" in spec else 1)
    assert find_leaks(texts, [job.folder, world.folder, world.store.root]) == []


def test_a_library_that_quotes_secrets_is_not_heard(world: World, job: TrainerJob) -> None:
    """Printed, warned of, logged, raised here and in a thread: with tracebacks."""
    seen = watch_trainer(job, world.variables(), ("-c", TALKATIVE))

    assert seen.code == ExitCode.INTERNAL, seen.log[-3000:]
    assert seen.log.count("[hidden]") > 8
    assert "Traceback" in seen.log
    assert find_leaks(seen.texts, [job.folder]) == []
    outcome = job.read_outcome()
    assert outcome.message.startswith("RuntimeError: cannot sign in with [hidden]; [hidden]")
    assert outcome.report is not None
    assert outcome.report.resolved is not None
    assert any("[hidden]" in warning for warning in outcome.report.resolved.warnings)


def test_the_scanner_finds_what_it_looks_for(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("GET /?key=canary%2Fsecret%2Bkey-8d1f")

    assert find_leaks({"page": b"Bearer hf_writeCanary4f1b77"}, [tmp_path]) == [
        f"{HUB_TOKEN} in page",
        f"{SECRET_KEY} in {tmp_path / 'log'}",
    ]
