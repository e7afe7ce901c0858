from typing import Any

import pytest

from cli_builders import build_job
from kubectl_finetune.local.machines import (
    Machine,
    choose_millicores,
    describe_differences,
    inspect_machine,
)


@pytest.mark.parametrize(
    ("asked", "cores", "millicores"),
    [
        pytest.param("500m", 8, 500, id="half a core"),
        pytest.param("2", 8, 2000, id="what is asked for"),
        pytest.param(16, 4, 4000, id="no more than there are"),
    ],
)
def test_cores_follow_the_job_and_the_machine(
    asked: str | int, cores: int, millicores: int
) -> None:
    spec = build_job({"spec.resources": {"gpusPerNode": 0, "cpu": asked}}).spec

    assert choose_millicores(spec, Machine(cores=cores, has_gpu=False)) == millicores


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        pytest.param({"spec.resources": {"gpusPerNode": 1}}, "no GPU: training on the CPU", id="g"),
        pytest.param(
            {"spec.resources": {"gpusPerNode": 0, "nodes": 2}},
            "resources.nodes is 2: 2 processes share this machine",
            id="n",
        ),
        pytest.param({"spec.suspend": True}, "suspend is true", id="suspended"),
        pytest.param(
            {"spec.resources": {"gpusPerNode": 0, "cpu": 1}},
            "resources.cpu is 1: training on 1 of the 2 cores",
            id="fewer cores than there are",
        ),
        pytest.param(
            {"spec.model": {"source": "hf://a/b", "credentialsSecretName": "hub"}},
            "the Secret hub is in the cluster: here the token is taken from HF_TOKEN",
            id="a token",
        ),
        pytest.param(
            {
                "spec.tracking": {
                    "mlflow": {"uri": "http://mlflow", "credentialsSecretName": "tracker"}
                }
            },
            "the Secret tracker is in the cluster: here MLFLOW_TRACKING_USERNAME,",
            id="a tracker",
        ),
    ],
)
def test_what_differs_from_a_pod_is_said(changes: dict[str, Any], note: str) -> None:
    notes = describe_differences(build_job(changes).spec, Machine(cores=2, has_gpu=False))

    assert any(note in line for line in notes)


def test_a_machine_like_the_pod_needs_no_note() -> None:
    assert describe_differences(build_job().spec, Machine(cores=2, has_gpu=False)) == []


def test_a_hidden_gpu_is_none() -> None:
    assert not inspect_machine({"CUDA_VISIBLE_DEVICES": ""}).has_gpu


def test_there_is_at_least_one_core() -> None:
    assert inspect_machine({}).cores >= 1
