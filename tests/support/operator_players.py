"""Plays the Job controller and the kubelet on a FakeCluster: one call, one thing that happens."""

from __future__ import annotations

from typing import Any

from finetune_operator.core import kinds, names
from finetune_operator.core.records import Key
from finetune_operator.core.times import format_time
from operator_builders import PodTale, a_pod
from operator_cluster import FakeCluster

Raw = dict[str, Any]


def play_pod(cluster: FakeCluster, key: Key, attempt: int = 1, **tale: Any) -> None:
    """Let the pod of an attempt be as told; the first time it is made."""
    job = cluster.objects[kinds.JOBS.plural, key.namespace, names.name_attempt(key.name, attempt)]
    raw = a_pod(job, 0, PodTale(**tale))
    raw["metadata"] |= {
        "namespace": key.namespace,
        "uid": f"pod-of-{job['metadata']['uid']}",
        "labels": job["spec"]["template"]["metadata"]["labels"],
    }
    known = (kinds.PODS.plural, key.namespace, raw["metadata"]["name"]) in cluster.objects
    cluster.store(kinds.PODS, raw, "MODIFIED" if known else "ADDED")

    def begin(job: Raw) -> None:
        job["status"] = {"startTime": format_time(cluster.now), **job.get("status", {})}

    cluster.edit(kinds.JOBS, Key(key.namespace, job["metadata"]["name"]), begin)


def play_end(cluster: FakeCluster, key: Key, attempt: int = 1, **tale: Any) -> None:
    """Let the trainer end, and the Job controller draw its conclusion."""
    play_pod(cluster, key, attempt, **tale)
    is_good = tale.get("exit_code") == 0

    def conclude(job: Raw) -> None:
        condition = {"type": "Complete" if is_good else "Failed", "status": "True"}
        condition |= {"reason": "CompletionsReached" if is_good else "BackoffLimitExceeded"}
        condition |= {"lastTransitionTime": format_time(cluster.now)}
        job["status"]["conditions"] = [condition]

    cluster.edit(kinds.JOBS, Key(key.namespace, names.name_attempt(key.name, attempt)), conclude)
