"""A pod that waits for a ConfigMap: its status does not say so, so ours has to."""

import pytest

from finetune_operator.core import reasons
from finetune_operator.core.plan import Plan
from finetune_operator.core.rules import decide
from operator_builders import NOW, JobBuilder, a_job


def condition(plan: Plan, kind: str) -> tuple[str, str]:
    (found,) = [c for c in plan.status.conditions if c.type == kind]
    return found.status, found.reason


def a_job_with_a_config_map(waited: float, *, has_sandbox: bool = False) -> JobBuilder:
    job = a_job().with_spec(dataset={"train": {"source": "configmap://rows/train.csv"}})
    return job.with_attempt().with_pod(
        waiting="ContainerCreating", scheduled_at=NOW - waited, has_sandbox=has_sandbox
    )


def test_a_pod_that_misses_a_config_map_says_which_one_it_mounts() -> None:
    plan = decide(a_job_with_a_config_map(waited=25).facts())

    assert condition(plan, "Finished") == ("False", reasons.MISSING_REFERENCE)
    (text,) = [c.message for c in plan.status.conditions if c.type == "Finished"]
    assert "ConfigMap rows of spec.dataset.train.source" in text
    assert plan.recheck_seconds == 35


def test_a_config_map_that_never_comes_fails_the_job() -> None:
    plan = decide(a_job_with_a_config_map(waited=600).facts())

    assert condition(plan, "Failed") == ("True", reasons.MISSING_REFERENCE)


@pytest.mark.parametrize(
    ("waited", "has_sandbox"),
    [
        pytest.param(5, False, id="a pod that is just being started"),
        pytest.param(300, True, id="a pod that pulls a large image"),
    ],
)
def test_a_slow_start_is_not_blamed_on_a_config_map_without_cause(
    waited: float, has_sandbox: bool
) -> None:
    plan = decide(a_job_with_a_config_map(waited, has_sandbox=has_sandbox).facts())

    assert condition(plan, "Finished") == ("False", reasons.POD_STARTING)
