"""How pods are brought to their end from outside."""

from __future__ import annotations

from typing import Any

# Says when it is ready to be told, and what it was told.
POLITE = (
    "trap 'echo told > /dev/termination-log; exit 143' TERM; touch {ready}; "
    "while :; do sleep 0.05; done"
)
# Ignores SIGTERM, and so does its child, which has a session of its own.
STUBBORN = "trap '' TERM; setsid sleep 1000 & touch {ready}; while :; do sleep 0.05; done"


def start(bench: Any, wait: Any, tmp_path: Any, script: str, **spec: Any) -> None:
    ready = tmp_path / "ready"
    bench.run("bash", "-c", script.format(ready=ready), **spec)
    wait("the script runs", ready.exists)
    bench.wait_for_phase("pod", "Running")


def hold(bench: Any) -> None:
    """Keep the object by a finalizer, as the Job controller does, to see its last status."""
    bench.patch("pods", "pod", {"metadata": {"finalizers": ["test.finetune.dev/hold"]}})


def release(bench: Any) -> None:
    bench.patch("pods", "pod", {"metadata": {"finalizers": None}})


def test_a_deleted_pod_gets_sigterm_reports_its_end_and_goes(
    bench: Any, wait: Any, tmp_path: Any
) -> None:
    start(bench, wait, tmp_path, POLITE)
    hold(bench)

    bench.delete("pods", "pod")

    end = bench.wait_for_end("pod")
    assert (end["exitCode"], end["message"], end["phase"]) == (143, "told\n", "Failed")
    release(bench)
    bench.wait_until_gone("pod")


def test_what_ignores_sigterm_is_killed_with_all_its_children(
    bench: Any, wait: Any, tmp_path: Any, find_processes: Any
) -> None:
    start(bench, wait, tmp_path, STUBBORN, terminationGracePeriodSeconds=1)
    uid = bench.read("pods", "pod")["metadata"]["uid"][:8]
    assert len(find_processes(uid)) >= 3
    hold(bench)

    bench.delete("pods", "pod")

    assert bench.wait_for_end("pod")["exitCode"] == 137
    assert find_processes(uid) == []
    release(bench)


def test_an_impatient_second_deletion_shortens_the_grace_period(
    bench: Any, wait: Any, tmp_path: Any
) -> None:
    start(bench, wait, tmp_path, STUBBORN, terminationGracePeriodSeconds=3600)
    bench.delete("pods", "pod")

    bench.delete("pods", "pod", gracePeriodSeconds=1)

    bench.wait_until_gone("pod")


def test_a_forced_deletion_leaves_no_process(
    bench: Any, wait: Any, tmp_path: Any, find_processes: Any
) -> None:
    start(bench, wait, tmp_path, STUBBORN)
    uid = bench.read("pods", "pod")["metadata"]["uid"][:8]

    bench.delete("pods", "pod", gracePeriodSeconds=0)

    wait("the processes are gone", lambda: not find_processes(uid))


def test_a_pod_that_never_started_can_be_deleted(bench: Any) -> None:
    bench.run(container={"image": "example/absent:1"})
    bench.wait_for_waiting("pod", "ImagePullBackOff")

    bench.delete("pods", "pod")

    bench.wait_until_gone("pod")


def test_a_pod_ends_at_its_deadline(bench: Any) -> None:
    bench.run("sleep", "1000", activeDeadlineSeconds=1)

    pod = bench.wait_for_phase("pod", "Failed")

    assert pod["status"]["reason"] == "DeadlineExceeded"


def test_an_evicted_pod_keeps_its_disruption_condition(
    bench: Any, wait: Any, tmp_path: Any
) -> None:
    start(bench, wait, tmp_path, POLITE)
    hold(bench)

    bench.create("pods/pod/eviction", {"metadata": {"name": "pod"}})

    bench.wait_for_phase("pod", "Failed")
    condition = bench.read_condition("pod", "DisruptionTarget")
    assert (condition["status"], condition["reason"]) == ("True", "EvictionByEvictionAPI")
    release(bench)


def test_a_pod_asking_for_more_gpus_than_there_are_stays_unschedulable(
    bench: Any, wait: Any
) -> None:
    bench.run("true", container={"resources": {"limits": {"nvidia.com/gpu": 2}}})

    condition = wait(
        "the scheduler gave up",
        lambda: (found := bench.read_condition("pod", "PodScheduled")).get("reason") and found,
    )

    assert condition["reason"] == "Unschedulable"
    assert "Insufficient nvidia.com/gpu" in condition["message"]


def test_a_pod_asking_for_one_gpu_runs(bench: Any) -> None:
    bench.run("true", container={"resources": {"limits": {"nvidia.com/gpu": 1}}})

    assert bench.wait_for_end("pod")["phase"] == "Succeeded"
