"""A job of several pods on a cluster in memory: what is made for it, and what is refused."""

from typing import Any

import pytest

from finetune_operator.core import kinds, reasons
from finetune_operator.core.records import Key
from operator_builders import NAMESPACE
from operator_cluster import FakeCluster, Operator, list_names, submit

TWO = {"nodes": 2, "gpusPerNode": 8}
DESTINATION = {"destination": "pvc://models/reviews"}


def provide_claim(cluster: FakeCluster, name: str, mode: str) -> None:
    claim: dict[str, Any] = {
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": f"uid-of-{name}"},
        "spec": {"accessModes": [mode]},
    }
    cluster.store(kinds.CLAIMS, claim, "ADDED")


async def test_what_pods_meet_by_is_made_before_them_and_goes_with_the_job() -> None:
    cluster = FakeCluster()
    key = submit(cluster, resources=TWO, output=DESTINATION)
    operator = Operator(cluster)
    await operator.settle()

    made = list(cluster.writes)
    cluster.remove(kinds.FINETUNE_JOBS, *key)

    assert made == [
        "POST configmaps/reviews-config",
        "POST services/reviews-peers",
        "POST networkpolicies/reviews-peers",
        "POST jobs/reviews-1",
        "PATCH status finetunejobs/reviews",
    ]
    assert list_names(cluster, kinds.SERVICES) == []
    assert list_names(cluster, kinds.NETWORK_POLICIES) == []


async def test_a_service_of_somebody_else_is_not_taken_over() -> None:
    cluster = FakeCluster()
    theirs = {"metadata": {"name": "reviews-peers", "namespace": NAMESPACE, "uid": "theirs"}}
    cluster.store(kinds.SERVICES, theirs, "ADDED")
    key = submit(cluster, resources=TWO, output=DESTINATION)
    operator = Operator(cluster)

    await operator.settle()

    assert _finished(operator, key)[0] == reasons.NAME_TAKEN
    assert list_names(cluster, kinds.JOBS) == []


@pytest.mark.parametrize("nodes", [1, 2])
async def test_a_claim_of_one_node_is_refused_to_several(nodes: int) -> None:
    cluster = FakeCluster()
    provide_claim(cluster, "models", "ReadWriteOnce")
    key = submit(cluster, resources={"nodes": nodes}, output=DESTINATION)
    operator = Operator(cluster)

    await operator.settle()

    reason, message = _finished(operator, key)
    assert (reason == reasons.STORAGE_NOT_SHARED) == (nodes > 1)
    assert ("claim models" in message) == (nodes > 1)
    assert list_names(cluster, kinds.JOBS) == ([] if nodes > 1 else ["reviews-1"])


async def test_the_claim_that_an_earlier_job_left_is_looked_at_too() -> None:
    """A single pod made it; the job is applied again for two."""
    cluster = FakeCluster()
    provide_claim(cluster, "reviews", "ReadWriteOnce")
    key = submit(cluster, resources=TWO)
    operator = Operator(cluster)

    await operator.settle()

    assert _finished(operator, key)[0] == reasons.STORAGE_NOT_SHARED
    assert operator.store.jobs[key].status.state == "Failed"


def _finished(operator: Operator, key: Key) -> tuple[str, str]:
    conditions = operator.store.jobs[key].status.conditions
    return next((c.reason, c.message) for c in conditions if c.type == "Finished")
