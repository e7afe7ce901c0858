"""FineTuneJobs to measure with: small, and with a destination, so that no claim is made."""

from typing import Any


def build_job(name: str, namespace: str) -> dict[str, Any]:
    """Give one job."""
    return {
        "apiVersion": "finetune.dev/v1alpha1",
        "kind": "FineTuneJob",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "task": "TextClassification",
            "model": {"source": "pvc://models/bert"},
            "dataset": {"train": {"source": "pvc://data/train.csv"}},
            "output": {"destination": f"pvc://results/{name}"},
            "resources": {"gpusPerNode": 0, "cpu": "100m", "memory": "128Mi"},
        },
    }
