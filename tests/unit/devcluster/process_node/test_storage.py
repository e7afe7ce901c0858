"""Which claims get a volume, and which volume."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from devcluster.process_node.storage import build_volume, is_ours_to_provision


def a_claim(**changes: Any) -> dict[str, Any]:
    selected = {"volume.kubernetes.io/selected-node": "here"}
    metadata = {"name": "c", "namespace": "n", "uid": "u", "annotations": selected}
    spec = {
        "storageClassName": "process-node",
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    return {"metadata": {**metadata, **changes.pop("metadata", {})}, "spec": {**spec, **changes}}


@pytest.mark.parametrize(
    ("claim", "is_ours"),
    [
        pytest.param(a_claim(), True, id="waits for us"),
        pytest.param(a_claim(storageClassName="other"), False, id="another class"),
        pytest.param(a_claim(volumeName="pv"), False, id="has a volume"),
        pytest.param(a_claim(metadata={"annotations": {}}), False, id="no pod uses it yet"),
        pytest.param(a_claim(metadata={"deletionTimestamp": "now"}), False, id="being deleted"),
    ],
)
def test_only_claims_scheduled_here_are_provisioned(claim: dict[str, Any], is_ours: bool) -> None:
    assert is_ours_to_provision(claim, "here") is is_ours


def test_a_volume_is_reserved_for_its_claim() -> None:
    spec = build_volume(a_claim(), Path("/storage/pvc-u"))["spec"]

    assert spec["claimRef"]["uid"] == "u"
    assert spec["hostPath"]["path"] == "/storage/pvc-u"
    assert spec["persistentVolumeReclaimPolicy"] == "Delete"
