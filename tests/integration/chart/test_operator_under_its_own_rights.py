"""The operator works with the settings and the rights that the chart gives it, and no others.

Other tests run it as an administrator, who is never refused anything.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chart_operators import InstalledOperator
from chart_releases import Release
from chart_rendering import Values
from devcluster.control_plane import ControlPlane
from finetune_api.v1alpha1 import PLURAL
from polling import poll


@pytest.fixture(params=["cluster", "namespaces"])
def operator(
    request: pytest.FixtureRequest,
    control_plane: ControlPlane,
    crd: None,
    namespace: str,
    tmp_path: Path,
) -> Iterator[InstalledOperator]:
    # Who watches the whole cluster also meets the jobs of earlier tests, and is refused a pod in a
    # namespace that is being deleted.
    control_plane.kubectl("delete", PLURAL, "--all", "--all-namespaces")
    watched = [namespace] if request.param == "namespaces" else []
    values: Values = {"watch": {"scope": request.param, "namespaces": watched}}
    release = Release(control_plane, namespace)
    running = InstalledOperator(release, values, tmp_path)
    yield running
    running.stop()
    release.uninstall()


def test_it_may_start_and_suspend_a_job(operator: InstalledOperator) -> None:
    operator.create_job({"metadata.name": "trained"})
    poll(lambda: len(operator.list_attempts()) == 1, "an attempt is started")

    operator.patch_job("trained", {"suspend": True})

    poll(lambda: operator.list_attempts()[0]["spec"]["suspend"], "the attempt is suspended")
    poll(lambda: operator.list_states() == {"trained": "Suspended"}, "the status tells of it")
    poll(operator.list_events, "events are written")
    assert operator.count_refusals() == 0


def test_it_may_start_a_job_of_several_nodes(operator: InstalledOperator) -> None:
    operator.create_job({"metadata.name": "shared", "spec.resources": {"nodes": 2}})

    poll(lambda: len(operator.list_attempts()) == 1, "an attempt is started")

    assert operator.list_attempts()[0]["spec"]["completions"] == 2
    assert operator.count_refusals() == 0


def test_it_may_delete_a_job_whose_time_is_over(operator: InstalledOperator) -> None:
    refused = {"spec.image": "elsewhere.example/trainer:1", "spec.ttlSecondsAfterFinished": 0}

    operator.create_job({"metadata.name": "refused"} | refused)

    poll(operator.list_events, "events are written")
    poll(lambda: operator.list_states() == {}, "the job is deleted")
    assert operator.count_refusals() == 0
