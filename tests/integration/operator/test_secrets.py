"""The Secret of a job: the operator names it; nothing that it says or makes holds its values."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from canaries import ACCESS_KEY, HUB_TOKEN, PASSWORD, SECRET_KEY, USER, find_leaks
from devcluster.errors import ApiError
from devcluster.scenarios import Step, finish, run
from operator_builders import a_report, an_outcome
from operator_runs import OperatorProcess, Stage, Team, answering
from polling import poll

ADDRESS = f"http://{USER}:{PASSWORD}@store.example.com"
VALUES = {
    "token": HUB_TOKEN,
    "AWS_ACCESS_KEY_ID": ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    "AWS_ENDPOINT_URL": ADDRESS,
}
REMOTE: dict[str, Any] = {
    "model": {"source": "hf://org/tiny", "credentialsSecretName": "credentials"},
    "dataset": {"train": {"source": "s3://team/rows/train.csv"}},
}
RESOURCES = (
    "/apis/finetune.dev/v1alpha1/namespaces/{}/finetunejobs",
    "/apis/batch/v1/namespaces/{}/jobs",
    "/api/v1/namespaces/{}/pods",
    "/api/v1/namespaces/{}/configmaps",
    "/api/v1/namespaces/{}/events",
    "/api/v1/namespaces/{}/persistentvolumeclaims",
)


@pytest.fixture
def team(team: Team) -> Team:
    """A team with a Secret."""
    data = {name: base64.b64encode(value.encode()).decode() for name, value in VALUES.items()}
    body = {"metadata": {"name": "credentials"}, "data": data}
    team.cluster.request("POST", f"/api/v1/namespaces/{team.namespace}/secrets", body)
    return team


@pytest.fixture
def operator_at_debug(team: Team, tmp_path: Path) -> Iterator[OperatorProcess]:
    """It asks pods that answer, and says all it can."""
    report = a_report(step=30, maximum_steps=120, loss=0.25)
    with (
        answering(report.model_dump_json(by_alias=True).encode()) as port,
        OperatorProcess(
            team.cluster.kubeconfig,
            team.namespace,
            tmp_path / "operator.log",
            log_level="DEBUG",
            progress_port=port,
        ) as process,
    ):
        yield process


def read_everything(team: Team) -> dict[str, bytes]:
    """Read all objects of the namespace but the Secret."""
    paths = [resource.format(team.namespace) for resource in RESOURCES]
    return {path: json.dumps(team.cluster.request("GET", path)).encode() for path in paths}


@pytest.mark.parametrize(
    ("steps", "state"),
    [
        pytest.param((run(), finish(0, message=an_outcome())), "Succeeded", id="a success"),
        pytest.param((run(), finish(77)), "Failed", id="a hub that says 401"),
        pytest.param((run(), finish(70)), "Failed", id="a bug of the trainer"),
        pytest.param((run(), finish(137, reason="OOMKilled")), "Failed", id="a kill"),
    ],
)
def test_no_value_of_a_secret_is_found_in_anything(
    team: Team,
    stage: Stage,
    operator_at_debug: OperatorProcess,
    tmp_path: Path,
    steps: tuple[Step, ...],
    state: str,
) -> None:
    stage.play("reviews-1", *steps)
    team.apply(**REMOTE, retries={"maximum": 0})

    team.wait_for(state)
    poll(team.list_events, "there are events")

    seen: dict[str, Any] = read_everything(team)
    (job,) = team.list_jobs()
    names = json.dumps(job["spec"]["template"]["spec"]["containers"][0]["env"])
    assert names.count('"secretKeyRef"') >= 4
    seen |= {
        "metrics": operator_at_debug.scrape().encode(),
        "log": (tmp_path / "operator.log").read_bytes(),
    }
    assert b"DEBUG" in seen["log"]
    assert all(seen.values())
    assert find_leaks(seen) == []


def test_an_address_with_a_password_is_no_source(team: Team, operator: OperatorProcess) -> None:
    """Nothing is stored: the answer goes to the one who wrote it."""
    del operator
    dataset = {"train": {"source": f"s3://{USER}:{PASSWORD}@team/rows"}}

    with pytest.raises(ApiError, match=r"dataset\.train\.source"):
        team.apply(dataset=dataset)

    assert find_leaks(read_everything(team)) == []
