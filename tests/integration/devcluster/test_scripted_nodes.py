"""A scripted node plays what it is told, for real Jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from devcluster.api import Object
from devcluster.process_node.records import Ending
from devcluster.scenarios import Step, finish, hold, run
from devcluster.scripted_node import ScriptedNode

NAME = "scripted"


def build_job(pods: int = 1) -> Object:
    container = {"name": "main", "image": "any"}
    spec = {
        "restartPolicy": "Never",
        "containers": [container],
        "nodeSelector": {"kubernetes.io/hostname": NAME},
    }
    counts = {"completions": pods, "parallelism": pods, "completionMode": "Indexed"}
    template = {"spec": spec}
    return {
        "metadata": {"name": "job"},
        "spec": {**counts, "backoffLimit": 0, "template": template},
    }


def read_job_ends(bench: Any) -> list[str]:
    conditions = bench.read("jobs", "job")["status"].get("conditions", [])
    return [condition["type"] for condition in conditions]


async def test_many_pods_of_a_job_succeed_by_default(lonely_bench: Any, wait: Any) -> None:
    async with ScriptedNode(lonely_bench.cluster.kubeconfig, name=NAME):
        lonely_bench.create("jobs", build_job(pods=50))

        await asyncio.to_thread(
            wait, "the job is complete", lambda: "Complete" in read_job_ends(lonely_bench)
        )


async def test_a_scenario_can_evict_a_pod(lonely_bench: Any) -> None:
    async def evict(_: Object) -> AsyncIterator[Step]:
        yield run()
        yield finish(137, ending=Ending("Evicted", "The node was low on memory", fails_pod=True))

    async with ScriptedNode(lonely_bench.cluster.kubeconfig, evict, name=NAME):
        lonely_bench.run(nodeName=NAME)
        pod = await asyncio.to_thread(lonely_bench.wait_for_phase, "pod", "Failed")

    assert pod["status"]["reason"] == "Evicted"


async def test_a_deleted_pod_goes_whatever_the_scenario_waits_for(lonely_bench: Any) -> None:
    async def hang(_: Object) -> AsyncIterator[Step]:
        yield hold("ContainerCreating")
        await asyncio.Event().wait()

    async with ScriptedNode(lonely_bench.cluster.kubeconfig, hang, name=NAME):
        lonely_bench.run(nodeName=NAME)
        await asyncio.to_thread(lonely_bench.wait_for_waiting, "pod", "ContainerCreating")

        lonely_bench.delete("pods", "pod")

        await asyncio.to_thread(lonely_bench.wait_until_gone, "pod")
