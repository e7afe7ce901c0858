"""Continuous learning in one apply: a job on a ConfigMap's rows, and one that starts from it."""

import pytest

from lifecycle_stack import Stack, build_spec
from trainer_jobs import make_reviews, write_csv


@pytest.mark.slow
def test_a_model_is_made_from_a_config_map_and_learned_on_from_by_the_next_job(
    stack: Stack,
) -> None:
    rows = write_csv(stack.folder / "rows.csv", make_reviews(60)).read_text()
    body = {"metadata": {"name": "rows"}, "data": {"train.csv": rows}}
    stack.cluster.request("POST", f"/api/v1/namespaces/{stack.namespace}/configmaps", body)
    short = {**build_spec()["training"], "maxSteps": 8}
    dataset = {"train": {"source": "configmap://rows/train.csv"}}
    stack.start_operator()

    stack.create("second", model={"source": "job://first"}, dataset=dataset, training=short)
    stack.create("first", dataset=dataset, training=short)
    second = stack.wait_for_state("Succeeded", name="second")

    first = stack.read_status("first")
    assert second.resolved is not None
    assert second.resolved.models == {"job://first": "pvc://first/model"}
    assert second.resolved.rows == {"train": 48, "validation": 12}
    assert (first.completion_time or "") <= (second.start_time or "")
