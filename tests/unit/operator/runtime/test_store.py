"""The store: newest wins, children are found by their owner's uid, nothing outlives its job."""

from typing import Any

from finetune_operator.core import kinds
from finetune_operator.core.records import Key
from finetune_operator.runtime.store import Store
from operator_builders import NAME, NAMESPACE, PodTale, a_batch_job, a_job, a_pod

KEY = Key(NAMESPACE, NAME)


def raw_job(version: str = "1", **metadata: Any) -> dict[str, Any]:
    raw = a_job().raw
    raw["metadata"] |= {"resourceVersion": version, **metadata}
    return raw


def a_full_store() -> Store:
    store = Store()
    job = a_batch_job(1)
    store.apply(kinds.FINETUNE_JOBS, raw_job())
    store.apply(kinds.JOBS, job)
    store.apply(kinds.PODS, a_pod(job, 0, PodTale()))
    return store


def test_a_child_leads_to_its_job() -> None:
    store = a_full_store()
    changed = a_batch_job(1, suspended=True)
    changed["metadata"]["resourceVersion"] = "2"

    assert store.apply(kinds.JOBS, changed) == KEY


def test_everything_about_a_job_is_seen_together() -> None:
    seen = a_full_store().observe(KEY)

    assert seen is not None
    (attempt,) = seen.attempts
    assert (attempt.record.name, attempt.pod.name if attempt.pod else "") == (
        "reviews-1",
        "reviews-1-0-a",
    )


def test_an_older_version_never_replaces_a_newer_one() -> None:
    store = Store()
    store.apply(kinds.FINETUNE_JOBS, raw_job("10"))

    assert store.apply(kinds.FINETUNE_JOBS, raw_job("9")) is None
    assert store.jobs[KEY].resource_version == "10"


def test_what_is_known_already_is_no_news() -> None:
    store = a_full_store()

    assert store.apply(kinds.FINETUNE_JOBS, raw_job()) is None


def test_a_spec_is_parsed_once_per_generation() -> None:
    store = Store()
    store.apply(kinds.FINETUNE_JOBS, raw_job("1"))
    parsed = store.jobs[KEY].job
    store.apply(kinds.FINETUNE_JOBS, raw_job("2"))

    assert store.jobs[KEY].job is parsed
    store.apply(kinds.FINETUNE_JOBS, raw_job("3", generation=2))
    assert store.jobs[KEY].job is not parsed


def test_a_new_job_of_an_old_name_inherits_nothing() -> None:
    store = a_full_store()
    store.apply(kinds.FINETUNE_JOBS, raw_job("5", uid="another"))

    seen = store.observe(KEY)

    assert seen is not None
    assert seen.attempts == ()


def test_the_deletion_of_a_former_job_leaves_the_present_one() -> None:
    store = a_full_store()
    store.apply(kinds.FINETUNE_JOBS, raw_job("5", uid="another"))

    assert store.remove(kinds.FINETUNE_JOBS, raw_job()) is None
    assert KEY in store.jobs


def test_the_end_of_a_namesakes_child_wakes_the_job_that_waits_for_its_name() -> None:
    store = Store()
    store.apply(kinds.FINETUNE_JOBS, raw_job())
    foreign = a_batch_job(1, owner_uid="old")
    foreign["metadata"]["labels"] = {"finetune.dev/job-name": NAME}
    store.apply(kinds.JOBS, foreign)

    assert store.remove(kinds.JOBS, foreign) == KEY


def test_live_jobs_on_one_claim_are_rivals_and_finished_ones_are_not() -> None:
    store = Store()
    output = {"destination": "pvc://shared/a"}
    mine, theirs = raw_job(), raw_job()
    mine["spec"]["output"] = output
    theirs["spec"] = dict(mine["spec"])
    theirs["metadata"] = {**theirs["metadata"], "name": "other", "uid": "2"}
    for raw in (mine, theirs):
        store.apply(kinds.FINETUNE_JOBS, raw)
    assert [r.key.name for r in store.observe(KEY).rivals] == ["other"]  # type: ignore[union-attr]

    finished = {"type": "Finished", "status": "True", "reason": "Succeeded", "message": ""}
    finished |= {"lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}  # type: ignore[dict-item]
    theirs = {**theirs, "status": {"conditions": [finished]}}
    theirs["metadata"] = {**theirs["metadata"], "resourceVersion": "2"}
    store.apply(kinds.FINETUNE_JOBS, theirs)

    assert store.observe(KEY).rivals == ()  # type: ignore[union-attr]


def test_nothing_is_left_of_a_job_that_is_gone() -> None:
    store = a_full_store()
    job = a_batch_job(1)
    store.remove(kinds.PODS, a_pod(job, 0, PodTale()))
    store.remove(kinds.JOBS, job)
    store.remove(kinds.FINETUNE_JOBS, raw_job())

    left = {name: value for name, value in vars(store).items() if value}
    assert left == {}


def a_chain(store: Store) -> tuple[Key, Key]:
    """Add a job that starts from the model of another one, which is not there yet."""
    waiting = raw_job(name="waiting", uid="uid-2")
    waiting["spec"]["model"] = {"source": f"job://{NAME}"}
    store.apply(kinds.FINETUNE_JOBS, waiting)
    return KEY, Key(NAMESPACE, "waiting")


def test_a_job_is_nudged_by_news_of_the_job_it_waits_for() -> None:
    store, nudged = Store(), list[Key]()
    _, waiting = a_chain(store)
    store.nudge = nudged.append

    store.apply(kinds.FINETUNE_JOBS, raw_job())
    store.apply(kinds.FINETUNE_JOBS, raw_job())
    store.remove(kinds.FINETUNE_JOBS, raw_job())

    assert nudged == [waiting, waiting]


def test_a_job_that_has_begun_is_not_nudged_any_more() -> None:
    store, nudged = Store(), list[Key]()
    a_chain(store)
    store.mark_begun("uid-2")
    store.nudge = nudged.append

    store.apply(kinds.FINETUNE_JOBS, raw_job())

    assert nudged == []


def test_what_another_job_made_is_seen() -> None:
    store = Store()
    _, waiting = a_chain(store)
    ended = raw_job()
    artifact = {"name": "model", "uri": "hf://org/domain", "revision": "a" * 40}
    ended["status"] = {"state": "Succeeded", "artifacts": [artifact]}
    store.apply(kinds.FINETUNE_JOBS, ended)

    seen = store.observe(waiting)

    assert seen is not None
    (origin,) = seen.origins
    assert (origin.field, origin.state) == ("model.source", "Succeeded")
    assert origin.model == f"hf://org/domain@{'a' * 40}"


def test_nothing_is_left_of_a_chain_that_is_gone() -> None:
    store = Store()
    a_chain(store)
    store.remove(kinds.FINETUNE_JOBS, raw_job(name="waiting", uid="uid-2"))

    assert {name: value for name, value in vars(store).items() if value} == {}
