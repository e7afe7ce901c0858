"""An operator that dies, or loses answers or its API server: nothing is lost or done twice."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.scenarios import finish, run
from operator_builders import an_outcome
from operator_proxies import Moment, Proxy, faulty_proxy
from operator_runs import OperatorProcess, Stage, Team
from polling import poll


@pytest.fixture
def proxy(team: Team) -> Iterator[Proxy]:
    with faulty_proxy(team.cluster.kubeconfig) as running:
        yield running


@pytest.fixture
def frail_operator(team: Team, proxy: Proxy, tmp_path: Path) -> Iterator[OperatorProcess]:
    kubeconfig = proxy.write_kubeconfig(tmp_path / "kubeconfig")
    with OperatorProcess(kubeconfig, team.namespace, tmp_path / "operator.log") as process:
        yield process


@pytest.mark.parametrize("moment", ["before", "after", "lost"])
@pytest.mark.parametrize("write", [1, 2, 3, 4])
def test_a_fault_at_any_write_leaves_one_job_that_succeeds(
    team: Team,
    stage: Stage,
    proxy: Proxy,
    frail_operator: OperatorProcess,
    write: int,
    moment: Moment,
) -> None:
    proxy.armed, proxy.strike = (write, moment), frail_operator.kill
    team.apply()
    if moment != "lost":
        poll(lambda: proxy.has_struck, f"write {write}")
        frail_operator.start()
    stage.play("reviews-1", run(), finish(0, message=an_outcome()))

    status = team.wait_for("Succeeded")

    assert [job["metadata"]["name"] for job in team.list_jobs()] == ["reviews-1"]
    assert status["attempts"] == {"started": 1, "failed": 0, "preempted": 0}


def test_a_whole_life_is_five_writes(
    team: Team, stage: Stage, proxy: Proxy, frail_operator: OperatorProcess
) -> None:
    team.apply()
    team.wait_for("Running")
    stage.play("reviews-1", run(), finish(0, message=an_outcome()))
    team.wait_for("Succeeded")
    frail_operator.stop()

    kinds = [write.split("/", 1)[1] for write in proxy.writes]
    status = "finetunejobs/reviews/status"
    assert kinds == ["configmaps", "jobs", status, status, status]


def test_an_outage_of_the_api_server_is_sat_out(
    team: Team, stage: Stage, proxy: Proxy, frail_operator: OperatorProcess
) -> None:
    team.apply()
    team.wait_for("Running")

    proxy.is_down = True
    stage.play("reviews-1", run(), finish(0, message=an_outcome()))
    poll(lambda: team.list_jobs()[0]["status"].get("succeeded"), "the trainer ended meanwhile")
    proxy.is_down = False

    team.wait_for("Succeeded")
    assert frail_operator.is_ready()


def test_what_ended_while_the_operator_was_away_is_told_when_it_is_back(
    team: Team, stage: Stage, operator: OperatorProcess
) -> None:
    team.apply()
    team.wait_for("Running")
    operator.kill()
    stage.play("reviews-1", run(), finish(65))
    poll(lambda: team.list_jobs()[0]["status"].get("failed"), "the trainer ended")

    operator.start()

    team.wait_for("Failed")
    assert team.condition("Finished") == ("True", "BadData")


def test_an_outcome_that_nobody_saw_is_lost_and_not_a_success(
    team: Team, stage: Stage, operator: OperatorProcess
) -> None:
    team.apply()
    team.wait_for("Running")
    operator.kill()
    stage.play("reviews-1", run(), finish(0, message=an_outcome()))
    poll(lambda: team.list_jobs()[0]["status"].get("succeeded"), "the trainer ended")
    pods = f"/api/v1/namespaces/{team.namespace}/pods"
    team.cluster.request("DELETE", pods)
    poll(lambda: not team.cluster.request("GET", pods)["items"], "the pods are gone")

    operator.start()

    team.wait_for("Failed")
    assert team.condition("Finished") == ("True", "ResultLost")


def test_two_operators_at_once_make_one_job(team: Team, tmp_path: Path) -> None:
    with contextlib.ExitStack() as running:
        for name in ("one", "two"):
            log = tmp_path / f"{name}.log"
            running.enter_context(OperatorProcess(team.cluster.kubeconfig, team.namespace, log))
        for number in range(3):
            team.apply(f"job{number}")
        for number in range(3):
            team.wait_for("Running", f"job{number}")

        names = sorted(job["metadata"]["name"] for job in team.list_jobs())

    assert names == ["job0-1", "job1-1", "job2-1"]
