"""Hands a folder of this machine to the cluster as a claim, and finds the folder of another.

A platform would upload the data; here the prepared folder itself becomes the volume.
"""

import json
from pathlib import Path
from typing import Any

from devcluster.control_plane import ControlPlane


def provide_claim(control_plane: ControlPlane, name: str, folder: Path) -> None:
    """Make a volume of a folder, and a claim that is bound to it."""
    objects = {"apiVersion": "v1", "kind": "List", "items": list(_build_objects(name, folder))}
    control_plane.kubectl("apply", "-f", "-", stdin=json.dumps(objects))
    # A pod that comes before the claim is bound waits for the scheduler's next round.
    bound = "--for=jsonpath={.status.phase}=Bound"
    control_plane.kubectl("wait", f"pvc/{name}", bound, "--timeout=60s")


def _build_objects(name: str, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    shared = {"accessModes": ["ReadWriteMany"], "storageClassName": "", "volumeMode": "Filesystem"}
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            **shared,
            "capacity": {"storage": "1Gi"},
            "hostPath": {"path": str(folder.resolve()), "type": "Directory"},
            "claimRef": {"namespace": "default", "name": name},
        },
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {**shared, "volumeName": name, "resources": {"requests": {"storage": "1Gi"}}},
    }
    return volume, claim


def find_folder(control_plane: ControlPlane, uri: str) -> Path:
    """Say where on this machine a pvc:// source lies."""
    claim, _, path = uri.removeprefix("pvc://").partition("/")
    bound = json.loads(control_plane.kubectl("get", "pvc", claim, "-o", "json"))
    volume = json.loads(
        control_plane.kubectl("get", "pv", bound["spec"]["volumeName"], "-o", "json")
    )
    return Path(volume["spec"]["hostPath"]["path"]) / path
