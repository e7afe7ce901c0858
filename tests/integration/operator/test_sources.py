"""Sources that lie in the cluster: ConfigMaps, and the models of other jobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from devcluster.scenarios import finish, hold, run
from finetune_api.v1alpha1.status import Artifact
from operator_builders import an_outcome
from operator_runs import OperatorProcess, Stage, Team
from polling import poll

CANARY = "canary-7d3c-of-the-secret"
DOMAIN = [Artifact(name="model", uri="pvc://models/domain")]


def config_of(team: Team, job_name: str) -> dict[str, Any]:
    path = f"/api/v1/namespaces/{team.namespace}/configmaps/{job_name}-config"
    config: dict[str, Any] = json.loads(team.cluster.request("GET", path)["data"]["job.json"])
    return config


def names_of(team: Team) -> list[str]:
    return sorted(job["metadata"]["name"] for job in team.list_jobs())


def test_two_jobs_that_are_applied_together_run_one_after_the_other(
    team: Team, stage: Stage, operator: OperatorProcess
) -> None:
    team.apply("reviews", model={"source": "job://domain"})
    poll(lambda: team.condition("Finished") == ("False", "WaitingForJob"), "it waits")
    team.apply("domain")
    team.wait_for("Running", "domain")
    assert names_of(team) == ["domain-1"]

    stage.play("domain-1", run(), finish(0, message=an_outcome(artifacts=DOMAIN)))
    status = team.wait_for("Running", "reviews")

    assert names_of(team) == ["domain-1", "reviews-1"]
    assert status["resolved"]["models"] == {"job://domain": "pvc://models/domain"}
    assert config_of(team, "reviews")["spec"]["model"]["source"] == "pvc://models/domain"
    assert operator.is_ready()


def test_what_was_found_holds_when_the_other_job_is_gone(
    team: Team, stage: Stage, operator: OperatorProcess
) -> None:
    stage.play("domain-1", run(), finish(0, message=an_outcome(artifacts=DOMAIN)))
    team.apply("domain")
    team.wait_for("Succeeded", "domain")
    retries = {"maximum": 1, "backoffSeconds": 0}
    team.apply("reviews", model={"source": "job://domain"}, retries=retries)
    team.wait_for("Running", "reviews")
    operator.kill()
    team.delete("domain")
    poll(lambda: not team.exists("domain"), "the other job is gone")
    operator.start()

    stage.play("reviews-1", run(), finish(75))
    poll(lambda: "reviews-2" in names_of(team), "another attempt")

    assert config_of(team, "reviews")["spec"]["model"]["source"] == "pvc://models/domain"
    assert team.status("reviews")["resolved"]["models"] == {"job://domain": "pvc://models/domain"}


def test_a_job_whose_origin_fails_fails_with_it(
    team: Team, stage: Stage, operator: OperatorProcess
) -> None:
    del operator
    stage.play("domain-1", run(), finish(65))
    team.apply("reviews", model={"source": "job://domain"})
    team.apply("domain")

    status = team.wait_for("Failed", "reviews")

    assert team.condition("Failed") == ("True", "OriginFailed")
    assert "FineTuneJob domain failed" in status["failure"]["message"]
    assert names_of(team) == ["domain-1"]


@pytest.mark.slow
def test_a_missing_config_map_is_told_by_name(
    team: Team, stage: Stage, operator: OperatorProcess
) -> None:
    del operator
    stage.play("reviews-1", hold("ContainerCreating"))
    team.apply(dataset={"train": {"source": "configmap://rows/train.csv"}})

    poll(
        lambda: team.condition("Finished") == ("False", "MissingReference"),
        "the ConfigMap is named",
        60,
    )

    (text,) = [c["message"] for c in team.status()["conditions"] if c["type"] == "Finished"]
    assert "ConfigMap rows of spec.dataset.train.source" in text


@pytest.mark.parametrize("code", [0, 77])
def test_a_secret_is_never_read_and_never_shown(
    team: Team, stage: Stage, operator: OperatorProcess, tmp_path: Path, code: int
) -> None:
    del operator
    secrets = f"/api/v1/namespaces/{team.namespace}/secrets"
    body = {"metadata": {"name": "store"}, "stringData": {"AWS_SECRET_ACCESS_KEY": CANARY}}
    team.cluster.request("POST", secrets, body)
    stage.play("reviews-1", run(), finish(code, message=an_outcome() if not code else ""))
    team.apply(
        model={"source": "s3://team/bert", "credentialsSecretName": "store"},
        output={"destination": "s3://team/models/reviews"},
        checkpoints={"volume": {"claimName": "models"}},
    )

    team.wait_for("Failed" if code else "Succeeded")

    shown = [team.read(), *team.list_jobs(), config_of(team, "reviews")]
    for kind in ("pods", "events", "configmaps", "persistentvolumeclaims"):
        shown.append(team.cluster.request("GET", f"/api/v1/namespaces/{team.namespace}/{kind}"))
    assert "secretKeyRef" in json.dumps(shown)
    assert CANARY not in json.dumps(shown)
    assert CANARY not in (tmp_path / "operator.log").read_text()
