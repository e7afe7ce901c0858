"""Real Jobs through the real scheduler and Job controller, run by the process node."""

from __future__ import annotations

from typing import Any

import pytest

JOB_ENDS = ("Complete", "Failed")


def build_job(*command: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "any", "command": list(command)}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    return {"metadata": {"name": "job"}, "spec": {"backoffLimit": 0, **spec, "template": template}}


def wait_for_end(bench: Any, wait: Any) -> str:
    def probe() -> str | None:
        conditions = bench.read("jobs", "job")["status"].get("conditions", [])
        ends = [c["type"] for c in conditions if c["type"] in JOB_ENDS and c["status"] == "True"]
        return ends[0] if ends else None

    return str(wait("the job ends", probe))


@pytest.mark.parametrize(
    ("command", "end"),
    [
        pytest.param(["true"], "Complete", id="success"),
        pytest.param(["sh", "-c", "exit 3"], "Failed", id="failure"),
    ],
)
def test_a_job_ends_as_its_command_does(
    bench: Any, wait: Any, command: list[str], end: str
) -> None:
    bench.create("jobs", build_job(*command))

    assert wait_for_end(bench, wait) == end


def test_an_indexed_job_runs_one_pod_per_index(bench: Any, wait: Any) -> None:
    spec = {"completionMode": "Indexed", "completions": 3, "parallelism": 3}
    bench.create("jobs", build_job("sh", "-c", "exit $JOB_COMPLETION_INDEX", **spec))

    assert wait_for_end(bench, wait) == "Failed"
    pods = bench.cluster.request("GET", bench.path("pods"))["items"]
    codes = {
        pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"]: state["exitCode"]
        for pod in pods
        if (state := pod["status"]["containerStatuses"][0]["state"].get("terminated"))
    }
    assert codes.items() >= {"1": 1}.items() or codes.items() >= {"2": 2}.items()


def test_a_job_with_a_failure_policy_ignores_an_eviction(bench: Any, wait: Any) -> None:
    disrupted = {"type": "DisruptionTarget", "status": "True"}
    policy = {"rules": [{"action": "Ignore", "onPodConditions": [disrupted]}]}
    bench.create("jobs", build_job("sleep", "60", podFailurePolicy=policy))

    first = wait("a pod runs", lambda: find_running(bench))
    bench.create(f"pods/{first}/eviction", {"metadata": {"name": first}})
    second = wait("another pod runs", lambda: find_running(bench, other_than=first))

    assert second != first
    assert bench.read("jobs", "job")["status"].get("failed", 0) == 0


def find_running(bench: Any, other_than: str = "") -> str | None:
    pods = bench.cluster.request("GET", bench.path("pods"))["items"]
    names = [p["metadata"]["name"] for p in pods if p["status"]["phase"] == "Running"]
    return next((name for name in names if name != other_than), None)
