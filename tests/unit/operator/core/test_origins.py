"""Jobs that start from the model of another job: waited for, whatever was applied first."""

from __future__ import annotations

import pytest

from finetune_api.v1alpha1.status import State
from finetune_operator.core import reasons
from finetune_operator.core.origins import Origin
from finetune_operator.core.plan import Plan
from finetune_operator.core.rules import decide
from operator_builders import JobBuilder, a_job

MODEL = "pvc://models/domain"


def a_waiting_job(**origin: object) -> JobBuilder:
    job = a_job().with_spec(model={"source": "job://domain"})
    return job.naming(Origin("domain", "model.source", **origin))  # type: ignore[arg-type]


def condition(plan: Plan, kind: str) -> tuple[str, str, str]:
    (found,) = [c for c in plan.status.conditions if c.type == kind]
    return found.status, found.reason, found.message


@pytest.mark.parametrize(
    ("state", "says"),
    [
        pytest.param(None, "there is no FineTuneJob domain in this namespace yet", id="not there"),
        pytest.param("Pending", "waiting for FineTuneJob domain to end, it is Pending", id="new"),
        pytest.param("Running", "waiting for FineTuneJob domain to end, it is Running", id="busy"),
        pytest.param("Suspended", "to end, it is Suspended", id="suspended"),
    ],
)
def test_a_job_that_has_not_ended_is_waited_for(state: State | None, says: str) -> None:
    plan = decide(a_waiting_job(state=state).facts())

    assert plan.status.state == "Pending"
    assert condition(plan, "Finished")[:2] == ("False", reasons.WAITING_FOR_JOB)
    assert says in condition(plan, "Finished")[2]
    assert condition(plan, "Accepted")[:2] == ("True", reasons.VALID)
    assert not plan.changes_children


@pytest.mark.parametrize("state", ["Succeeded", "EarlyStopped"])
def test_when_it_has_ended_well_its_model_is_where_the_attempt_starts(state: State) -> None:
    plan = decide(a_waiting_job(state=state, model=MODEL).facts())

    assert plan.launch is not None
    assert plan.launch.models == {"job://domain": MODEL}


@pytest.mark.parametrize(
    "origin",
    [
        pytest.param({"state": "Failed"}, id="it failed"),
        pytest.param({"state": "Succeeded"}, id="it made no model"),
    ],
)
def test_a_job_without_a_model_fails_what_waits_for_it(origin: dict[str, object]) -> None:
    plan = decide(a_waiting_job(**origin).facts())

    assert condition(plan, "Failed")[:2] == ("True", reasons.ORIGIN_FAILED)
    assert plan.status.failure is not None
    assert "job://domain" in plan.status.failure.message
    assert plan.status.failure.hint
    assert not plan.changes_children


def test_two_jobs_that_wait_for_each_other_are_told() -> None:
    plan = decide(a_waiting_job(state="Pending", waits_for=("reviews",)).facts())

    assert "which waits for this very job" in condition(plan, "Finished")[2]


def test_a_suspended_job_says_so_and_not_that_it_waits() -> None:
    plan = decide(a_waiting_job(state="Running").with_spec(suspend=True).facts())

    assert plan.status.state == "Suspended"


def test_what_the_first_attempt_found_is_noted_and_holds() -> None:
    job = a_waiting_job(state="Succeeded", model=MODEL).with_attempt().with_pod().seen_again()
    job.naming(Origin("domain", "model.source"))  # deleted meanwhile
    job.failed(at=job.now - 100).with_spec(retries={"maximum": 3, "backoffSeconds": 0}).confirmed()

    plan = decide(job.facts())

    noted = job.facts().before.resolved
    assert noted is not None
    assert noted.models == {"job://domain": MODEL}
    assert plan.launch is not None
    assert (plan.launch.number, plan.launch.models) == (2, {"job://domain": MODEL})


def test_a_job_that_names_no_other_waits_for_none() -> None:
    assert decide(a_job().facts()).launch is not None
