"""The demo ends with an error when anything it promises is missing."""

from typing import Any

import pytest

from demo.findings import (
    WANTED_SERIES,
    DemoError,
    compare_accuracy,
    explain_the_stop,
    find_series,
    read_status,
)

TIME = "2026-01-01T00:00:00Z"


def a_condition(kind: str, status: str = "True") -> dict[str, Any]:
    return {
        "type": kind,
        "status": status,
        "reason": "R",
        "message": "",
        "lastTransitionTime": TIME,
        "observedGeneration": 1,
    }


def a_job(**changes: Any) -> dict[str, Any]:
    status = {
        "state": "EarlyStopped",
        "conditions": [a_condition(kind) for kind in ("Complete", "EarlyStopped", "Finished")],
        "metrics": {
            "testBaseline": [{"name": "accuracy", "value": 0.5}],
            "test": [{"name": "accuracy", "value": 0.82}],
        },
        "earlyStopping": {
            "metric": "f1", "best": 0.83, "bestStep": 200, "stopped": True,
            "reason": "NoImprovement", "stoppedStep": 400, "stepsSaved": 600,
        },
    }  # fmt: skip
    return {"status": {**status, **changes}}


def test_a_finished_job_shows_accuracy_and_the_reason_of_its_stop() -> None:
    status = read_status(a_job())

    assert compare_accuracy(status).final == 0.82
    assert explain_the_stop(status) == (
        "NoImprovement at step 400: f1 was best with 0.8300 at step 200; 600 steps saved"
    )


def look_at_everything(job: dict[str, Any]) -> None:
    status = read_status(job)
    compare_accuracy(status)
    explain_the_stop(status)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param(
            {"failure": {"reason": "BadData", "message": "row 3", "hint": "mend it"}},
            "the job failed: BadData: row 3 \\(mend it\\)",
            id="a failure",
        ),
        pytest.param({"conditions": []}, "the condition Complete is not true", id="no condition"),
        pytest.param({"metrics": {}}, "no test or no testBaseline", id="no metrics"),
        pytest.param(
            {
                "metrics": {
                    "testBaseline": [{"name": "accuracy", "value": 0.5}],
                    "test": [{"name": "accuracy", "value": 0.7}],
                }
            },
            "test accuracy is 0.700, wanted is 0.78",
            id="a model that learnt too little",
        ),
        pytest.param(
            {"earlyStopping": {"metric": "f1"}}, "does not tell why", id="no reason of the stop"
        ),
    ],
)
def test_what_is_missing_is_named(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(DemoError, match=says):
        look_at_everything(a_job(**changes))


def test_a_series_that_dashboards_need_must_be_there() -> None:
    page = [f'{name}{{namespace="default",name="reviews"}} 1' for name in WANTED_SERIES]

    assert find_series(page, "reviews") == page
    with pytest.raises(DemoError, match=f"the operator's metrics lack {WANTED_SERIES[0]}"):
        find_series(page[1:], "reviews")
