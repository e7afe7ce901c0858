"""ConfigMaps, Secrets and claims, as variables and as files."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any


def test_config_maps_and_secrets_become_variables(bench: Any) -> None:
    bench.create("configmaps", {"metadata": {"name": "settings"}, "data": {"COLOUR": "blue"}})
    secret = {"metadata": {"name": "token"}, "data": {"value": encode("hush")}}
    bench.create("secrets", secret)
    env = [
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "token", "key": "value"}}},
        {"name": "BOTH", "value": "$(COLOUR)-$(TOKEN)"},
    ]
    bench.run(
        *("sh", "-c", "echo $BOTH > /dev/termination-log"),
        container={"env": env, "envFrom": [{"configMapRef": {"name": "settings"}}]},
    )

    assert bench.wait_for_end("pod")["message"] == "blue-hush\n"


def test_config_maps_and_secrets_become_files(bench: Any) -> None:
    bench.create("configmaps", {"metadata": {"name": "job"}, "data": {"job.json": "{}"}})
    bench.create("secrets", {"metadata": {"name": "token"}, "data": {"value": encode("hush")}})
    sources = [
        {"secret": {"name": "token"}},
        {"downwardAPI": {"items": [{"path": "me", "fieldRef": {"fieldPath": "metadata.name"}}]}},
    ]
    bench.run(
        *("sh", "-c", "cat /etc/job/job.json /etc/all/value /etc/all/me > /dev/termination-log"),
        container={
            "volumeMounts": [
                {"name": "job", "mountPath": "/etc/job", "readOnly": True},
                {"name": "all", "mountPath": "/etc/all"},
            ]
        },
        volumes=[
            {"name": "job", "configMap": {"name": "job"}},
            {"name": "all", "projected": {"sources": sources}},
        ],
    )

    assert bench.wait_for_end("pod")["message"] == "{}hushpod"


def test_a_container_waits_for_its_config_map_and_then_starts(bench: Any) -> None:
    reference = {"configMapKeyRef": {"name": "late", "key": "word"}}
    bench.run(
        *("sh", "-c", "echo $WORD > /dev/termination-log"),
        container={"env": [{"name": "WORD", "valueFrom": reference}]},
    )
    waiting = bench.wait_for_waiting("pod", "CreateContainerConfigError")
    assert waiting["message"] == 'configmap "late" not found'

    bench.create("configmaps", {"metadata": {"name": "late"}, "data": {"word": "here"}})

    assert bench.wait_for_end("pod")["message"] == "here\n"


def test_a_volume_waits_for_its_secret(bench: Any) -> None:
    bench.run(
        *("sh", "-c", "cat /etc/late/word > /dev/termination-log"),
        container={"volumeMounts": [{"name": "late", "mountPath": "/etc/late"}]},
        volumes=[{"name": "late", "secret": {"secretName": "late"}}],
    )
    bench.wait_for_waiting("pod", "ContainerCreating")

    bench.create("secrets", {"metadata": {"name": "late"}, "data": {"word": encode("here")}})

    assert bench.wait_for_end("pod")["message"] == "here"


def test_a_claim_keeps_its_files_from_pod_to_pod_and_goes_when_deleted(
    bench: Any, wait: Any
) -> None:
    spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
    bench.create("persistentvolumeclaims", {"metadata": {"name": "claim"}, "spec": spec})
    run_on_claim(bench, "writer", "echo kept > /data/file")
    read = run_on_claim(bench, "reader", "cat /data/file > /dev/termination-log")
    assert read["message"] == "kept\n"

    claim = bench.read("persistentvolumeclaims", "claim")
    volume = f"/api/v1/persistentvolumes/{claim['spec']['volumeName']}"
    folder = Path(bench.cluster.request("GET", volume)["spec"]["hostPath"]["path"])
    assert (folder / "file").exists()
    for name in ("writer", "reader"):
        bench.delete("pods", name)
    bench.delete("persistentvolumeclaims", "claim")
    wait("the folder is gone", lambda: not folder.exists())


def run_on_claim(bench: Any, name: str, script: str) -> Any:
    bench.run(
        *("sh", "-c", script),
        name=name,
        container={"volumeMounts": [{"name": "data", "mountPath": "/data"}]},
        volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "claim"}}],
    )
    return bench.wait_for_end(name)


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
