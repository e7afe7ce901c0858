"""What tests of several pods that train together ask of the whole system."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lifecycle_stack import Object, Stack, build_spec
from polling import poll

INDEX_LABEL = "batch.kubernetes.io/job-completion-index"


def create_group(stack: Stack, name: str = "reviews", **spec: Any) -> None:
    """Create a job of two pods, with a checkpoint every ten of its steps."""
    own = build_spec()
    changes = {
        "resources": {**own["resources"], "nodes": 2},
        "training": {**own["training"], "maxSteps": 80},
        "evaluation": {"every": "Steps", "everySteps": 40},
        "checkpoints": {"every": "Steps", "everySteps": 10},
    }
    stack.create(name, **{**changes, **spec})


def list_pods(stack: Stack, attempt: str) -> dict[str, Object]:
    """Give the pods of a batch Job by their index."""
    path = f"/api/v1/namespaces/{stack.namespace}/pods?labelSelector=job-name={attempt}"
    pods: list[Object] = stack.cluster.request("GET", path)["items"]
    return {pod["metadata"]["labels"][INDEX_LABEL]: pod for pod in pods}


def signal_rank(stack: Stack, pod: Object, number: signal.Signals) -> None:
    """Send a signal to the process that trains in a pod, not to the one that looks after it."""
    uid = f"FINETUNE_POD_UID={pod['metadata']['uid']}".encode()
    found = poll(lambda: next(_find_ranks(uid), None), f"{pod['metadata']['name']} trains")
    os.kill(found, number)


def _find_ranks(uid: bytes) -> Iterator[int]:
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # ended meanwhile, or somebody else's
            if not folder.name.isdigit() or b"finetune_trainer" not in _read(folder, "cmdline"):
                continue
            variables = _read(folder, "environ").split(b"\0")
            if uid in variables and any(v.startswith(b"LOCAL_RANK=") for v in variables):
                yield int(folder.name)


def _read(folder: Path, name: str) -> bytes:
    return (folder / name).read_bytes()


def evict(stack: Stack, pod: Object) -> None:
    """Take a pod away as a drained node does."""
    metadata = pod["metadata"]
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": metadata["name"]}}
    path = f"/api/v1/namespaces/{stack.namespace}/pods/{metadata['name']}/eviction"
    stack.cluster.request("POST", path, body)


def read_claim_modes(stack: Stack, name: str) -> list[str]:
    """Give the access modes of a claim."""
    path = f"/api/v1/namespaces/{stack.namespace}/persistentvolumeclaims/{name}"
    modes: list[str] = stack.cluster.request("GET", path)["spec"]["accessModes"]
    return modes


def restrict(stack: Stack) -> None:
    """Let the namespace admit only pods that meet Pod Security `restricted`."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    patch = json.dumps({"metadata": {"labels": labels}})
    stack.cluster.kubectl("patch", "namespace", stack.namespace, "--type=merge", "-p", patch)
