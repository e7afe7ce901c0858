"""What is wrong is said in the status, in words, once; and nothing is left behind."""

from typing import Any

import pytest

from lifecycle_stack import Stack, build_spec
from polling import poll


def changed(section: str, **fields: Any) -> dict[str, Any]:
    return {section: {**build_spec().get(section, {}), **fields}}


@pytest.mark.parametrize(
    ("spec", "reason", "exit_code", "says"),
    [
        pytest.param(
            changed("dataset", columns={"text": "review", "label": "label"}),
            "BadData",
            65,
            "dataset.train (train.csv) has no column 'review'; it has text, label",
            id="a missing column",
        ),
        pytest.param(
            changed("dataset", labels=["good", "bad"]),
            "BadData",
            65,
            "dataset.train: row 1 of train.csv",
            id="a label outside the list",
        ),
        pytest.param(
            {"model": {"source": "pvc://data/nowhere"}},
            "NotFound",
            66,
            "pvc://data/nowhere",
            id="a missing model",
        ),
    ],
)
def test_bad_input_is_final_and_explained(
    stack: Stack, spec: dict[str, Any], reason: str, exit_code: int, says: str
) -> None:
    stack.start_operator()

    stack.create(**spec)
    status = stack.wait_for_state("Failed")

    assert status.failure is not None
    assert (status.failure.reason, status.failure.exit_code) == (reason, exit_code)
    assert says in status.failure.message
    assert status.failure.hint
    assert status.attempts is not None
    assert status.attempts.started == 1
    assert status.artifacts == []


def test_the_second_of_two_jobs_with_one_destination_is_refused(stack: Stack) -> None:
    stack.start_operator()
    output = {"destination": "pvc://data/models/shared"}
    stack.create("first", output=output)
    poll(lambda: stack.find_job("first-1"), "the first job has begun")

    stack.create("second", output=output)
    status = stack.wait_for_state("Failed", name="second")

    assert status.failure is not None
    assert status.failure.reason == "OutputInUse"
    assert "FineTuneJob first writes to pvc://data/models/shared" in status.failure.message
    assert stack.find_job("second-1") is None
