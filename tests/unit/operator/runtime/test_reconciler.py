"""One look at one job, on a cluster in memory: what is written, in which order, how often."""

import pytest

from finetune_operator.cluster.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    TooManyRequestsError,
    UnavailableError,
)
from finetune_operator.core import kinds, reasons
from finetune_operator.core.kinds import Kind
from finetune_operator.core.records import Key
from operator_builders import an_outcome
from operator_cluster import FakeCluster, Killed, Operator, list_names, submit
from operator_players import play_end, play_pod

DESTINATION = {"destination": "pvc://models/reviews"}


def state_of(operator: Operator, key: Key) -> str | None:
    return operator.store.jobs[key].status.state


def reason_of(operator: Operator, key: Key) -> str:
    conditions = operator.store.jobs[key].status.conditions
    return next(c.reason for c in conditions if c.type == "Finished")


async def test_a_job_is_three_writes_away_from_its_pod() -> None:
    cluster = FakeCluster()
    key = submit(cluster, output=DESTINATION)

    await Operator(cluster).settle()

    assert cluster.writes == [
        "POST configmaps/reviews-config",
        "POST jobs/reviews-1",
        "PATCH status finetunejobs/reviews",
    ]
    assert key == Key("team", "reviews")


async def test_a_job_without_a_destination_gets_a_claim_that_outlives_it() -> None:
    cluster = FakeCluster()
    key = submit(cluster)
    operator = Operator(cluster)
    await operator.settle()

    cluster.remove(kinds.FINETUNE_JOBS, *key)
    await operator.settle()

    assert list_names(cluster, kinds.CLAIMS) == ["reviews"]
    assert list_names(cluster, kinds.JOBS) == []


async def test_a_whole_life_takes_five_writes_and_two_events() -> None:
    cluster = FakeCluster()
    key = submit(cluster, output=DESTINATION)
    operator = Operator(cluster)
    await operator.settle()
    play_pod(cluster, key)
    await operator.settle()

    play_end(cluster, key, exit_code=0, message=an_outcome())
    await operator.settle(3600)

    assert state_of(operator, key) == "Succeeded"
    assert len(cluster.writes) == 5
    assert operator.events.said == [reasons.ATTEMPT_CREATED, reasons.SUCCEEDED]


async def test_an_idle_job_is_never_written_to() -> None:
    cluster = FakeCluster()
    key = submit(cluster)
    operator = Operator(cluster)
    await operator.settle()
    play_pod(cluster, key)
    await operator.settle()
    writes = len(cluster.writes)

    for _ in range(5):
        await operator.look(key)

    assert len(cluster.writes) == writes


async def test_failed_attempts_are_retried_until_the_limit() -> None:
    cluster = FakeCluster()
    key = submit(cluster, retries={"maximum": 2, "backoffSeconds": 10})
    operator = Operator(cluster)
    await operator.settle()

    for attempt in (1, 2, 3):
        play_end(cluster, key, attempt, exit_code=75)
        await operator.settle(60)

    assert state_of(operator, key) == "Failed"
    assert sorted(list_names(cluster, kinds.JOBS)) == ["reviews-1", "reviews-2", "reviews-3"]
    attempts = operator.store.jobs[key].status.attempts
    assert attempts is not None
    assert (attempts.started, attempts.failed) == (3, 3)


async def test_a_deleted_child_of_a_finished_job_is_not_made_again() -> None:
    cluster = FakeCluster()
    key = submit(cluster)
    operator = Operator(cluster)
    await operator.settle()
    play_end(cluster, key, exit_code=0, message=an_outcome())
    await operator.settle()

    cluster.remove(kinds.JOBS, key.namespace, "reviews-1")
    await operator.settle(60)

    assert list_names(cluster, kinds.JOBS) == []
    assert state_of(operator, key) == "Succeeded"


async def test_a_job_is_deleted_when_its_time_to_live_is_over() -> None:
    cluster = FakeCluster()
    key = submit(cluster, ttlSecondsAfterFinished=50)
    operator = Operator(cluster)
    await operator.settle()
    play_end(cluster, key, exit_code=0, message=an_outcome())

    await operator.settle(49)
    assert list_names(cluster, kinds.FINETUNE_JOBS) == ["reviews"]
    await operator.settle(2)

    assert list_names(cluster, kinds.FINETUNE_JOBS) == []


async def test_the_younger_of_two_jobs_with_one_place_never_starts() -> None:
    cluster = FakeCluster()
    first = submit(cluster, "first", output=DESTINATION)
    cluster.now += 5
    second = submit(cluster, "second", output={"destination": "pvc://models/reviews/deeper"})
    operator = Operator(cluster)

    await operator.settle()

    assert list_names(cluster, kinds.JOBS) == ["first-1"]
    assert reason_of(operator, second) == reasons.OUTPUT_IN_USE
    assert "first" in operator.store.jobs[second].status.conditions[0].message
    assert state_of(operator, first) == "Starting"


async def test_a_job_of_somebody_else_is_not_adopted() -> None:
    cluster = FakeCluster()
    foreign = {"metadata": {"namespace": "team", "name": "reviews-1"}, "spec": {}}
    await cluster.create(kinds.JOBS, foreign)
    key = submit(cluster)
    operator = Operator(cluster)

    await operator.settle()

    assert reason_of(operator, key) == reasons.NAME_TAKEN
    assert state_of(operator, key) == "Pending"


async def test_a_job_starts_as_soon_as_the_leftovers_of_its_namesake_are_gone() -> None:
    cluster = FakeCluster()
    old = {"uid": "old", "controller": True, "kind": "FineTuneJob", "name": "reviews"}
    labels = {"finetune.dev/job-name": "reviews"}
    metadata = {"namespace": "team", "name": "reviews-1", "ownerReferences": [old]}
    await cluster.create(kinds.JOBS, {"metadata": metadata | {"labels": labels}, "spec": {}})
    key = submit(cluster)
    operator = Operator(cluster)
    await operator.settle()
    assert reason_of(operator, key) == reasons.NAME_TAKEN

    cluster.remove(kinds.JOBS, "team", "reviews-1")
    await operator.settle()

    assert state_of(operator, key) == "Starting"


def fail_once(verb: str, kind: Kind, error: Exception) -> list[object]:
    """Give a fault that strikes one time."""
    struck: list[object] = []

    def strike(asked: str, of: Kind) -> None:
        if not struck and (asked, of) == (verb, kind):
            struck.append(True)
            raise error

    return [strike]


@pytest.mark.parametrize(
    ("verb", "kind"),
    [
        pytest.param("POST", kinds.CONFIG_MAPS, id="while the config is made"),
        pytest.param("POST", kinds.JOBS, id="while the Job is made"),
        pytest.param("PATCH status", kinds.FINETUNE_JOBS, id="while the status is written"),
    ],
)
@pytest.mark.parametrize(
    "error",
    [
        pytest.param(UnavailableError("503"), id="an outage"),
        pytest.param(ConflictError("409"), id="a conflict"),
        pytest.param(TooManyRequestsError("429", retry_after_seconds=30), id="a busy server"),
        pytest.param(ForbiddenError("exceeded quota: gpus"), id="a quota"),
    ],
)
async def test_an_error_that_passes_leaves_no_trace(
    verb: str, kind: Kind, error: Exception
) -> None:
    cluster = FakeCluster()
    key = submit(cluster, output=DESTINATION)
    cluster.faults = fail_once(verb, kind, error)  # type: ignore[assignment]
    operator = Operator(cluster)

    await operator.settle(90)

    assert state_of(operator, key) == "Starting"
    assert list_names(cluster, kinds.JOBS) == ["reviews-1"]


async def test_a_used_up_quota_is_told_while_it_lasts() -> None:
    cluster = FakeCluster()
    key = submit(cluster)

    def refuse(verb: str, kind: Kind) -> None:
        if (verb, kind) == ("POST", kinds.JOBS):
            raise ForbiddenError("exceeded quota: gpus, requested: 1, used: 8, limited: 8")

    cluster.faults = [refuse]
    operator = Operator(cluster)
    await operator.settle(20)

    assert reason_of(operator, key) == reasons.QUOTA_EXCEEDED
    assert [w for w in cluster.writes if "status" in w] == ["PATCH status finetunejobs/reviews"]


async def test_a_refused_child_fails_the_job_and_names_the_field() -> None:
    cluster = FakeCluster()
    key = submit(cluster)
    text = "Job.batch is invalid: spec.template.spec.priorityClassName: Invalid value"
    cluster.faults = fail_once("POST", kinds.JOBS, InvalidError(text))  # type: ignore[assignment]
    operator = Operator(cluster)

    await operator.settle(90)

    assert reason_of(operator, key) == reasons.CHILD_REFUSED
    assert "priorityClassName" in str(operator.store.jobs[key].status.failure)
    assert list_names(cluster, kinds.JOBS) == []


async def test_a_status_that_is_refused_still_gets_its_essentials_through() -> None:
    cluster = FakeCluster()
    key = submit(cluster)
    text = "status.progress.step: Invalid value"
    cluster.faults = fail_once(  # type: ignore[assignment]
        "PATCH status", kinds.FINETUNE_JOBS, InvalidError(text)
    )
    operator = Operator(cluster)

    await operator.settle()

    assert state_of(operator, key) == "Starting"


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("write", range(1, 10))
async def test_an_operator_killed_at_any_write_is_taken_over_without_a_trace(
    write: int, moment: str
) -> None:
    expected = await live_a_life_with_a_retry(FakeCluster())
    cluster = FakeCluster()
    cluster.kill_at = (write, moment)

    assert await live_a_life_with_a_retry(cluster) == expected
    assert cluster.kill_at is None  # it did die


async def live_a_life_with_a_retry(cluster: FakeCluster) -> dict[str, object]:
    """Fail once, succeed then; a killed operator is started anew. Give what is left at the end."""
    key = submit(cluster, output=DESTINATION)
    operator = Operator(cluster)

    async def settle(seconds: float = 0) -> None:
        nonlocal operator
        try:
            await operator.settle(seconds)
        except Killed:
            operator = Operator(cluster)
            await operator.settle(seconds)

    await settle()
    play_pod(cluster, key, 1)
    await settle()
    play_end(cluster, key, 1, exit_code=75)
    await settle(30)
    play_end(cluster, key, 2, exit_code=0, message=an_outcome())
    await settle(30)
    status = operator.store.jobs[key].status
    return {
        "jobs": sorted(list_names(cluster, kinds.JOBS)),
        "state": status.state,
        "attempts": status.attempts,
        "conditions": [(c.type, c.status, c.reason) for c in status.conditions],
        "resolved": status.resolved,
    }
