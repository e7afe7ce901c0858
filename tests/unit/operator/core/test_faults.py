"""The fault table: what kubelets, controllers and trainers do, and what the user is told."""

from typing import Any

import pytest

from finetune_api.contract.exit_codes import MEANINGS, PERMANENT_EXIT_CODES, ExitCode
from finetune_operator.core import reasons
from finetune_operator.core.faults import Evidence, Fault, explain_ending
from finetune_operator.core.records import Ending
from operator_builders import NOW, a_job, an_outcome

FAILED = Ending(succeeded=False, reason="BackoffLimitExceeded", message="", at=NOW)


def explain(ending: Ending = FAILED, **pod: object) -> Fault:
    facts = a_job().with_attempt().with_pod(**pod).facts()
    return explain_ending(Evidence(ending, facts.attempts[0].pod))


@pytest.mark.parametrize(
    ("pod", "reason", "is_retried"),
    [
        pytest.param({"exit_code": 64}, "BadConfig", False, id="bad config is final"),
        pytest.param({"exit_code": 65}, "BadData", False, id="bad data is final"),
        pytest.param({"exit_code": 66}, "NotFound", False, id="a missing model is final"),
        pytest.param({"exit_code": 70}, "InternalError", True, id="a bug may have been chance"),
        pytest.param({"exit_code": 75}, "TransientDownload", True, id="a hub hiccup is retried"),
        pytest.param({"exit_code": 77}, "AccessDenied", False, id="a closed door is final"),
        pytest.param({"exit_code": 80}, "CUDAOutOfMemory", False, id="a small GPU stays small"),
        pytest.param({"exit_code": 81}, "TrainingDiverged", False, id="divergence is final"),
        pytest.param({"exit_code": 82}, "CheckpointStorageFull", False, id="a full disk is final"),
        pytest.param({"exit_code": 83}, "TrainingStalled", True, id="a stall is retried"),
        pytest.param({"exit_code": 84}, "GPUFailure", True, id="a broken GPU is retried"),
        pytest.param({"exit_code": 143}, "Terminated", True, id="a SIGTERM is retried"),
        pytest.param({"exit_code": 137}, reasons.KILLED, True, id="a kill without OOM is retried"),
        pytest.param(
            {"exit_code": 137, "end_reason": "OOMKilled"},
            reasons.HOST_OUT_OF_MEMORY,
            False,
            id="too little memory is final",
        ),
        pytest.param(
            {"exit_code": 143, "end_reason": "OOMKilled"},
            "Terminated",
            True,
            id="a SIGTERM that the runtime calls OOMKilled is a SIGTERM",
        ),
        pytest.param({"exit_code": 139}, reasons.CRASHED, True, id="a crash is retried"),
        pytest.param({"exit_code": 134}, reasons.CRASHED, True, id="an abort is retried"),
        pytest.param({"exit_code": 1}, reasons.UNKNOWN_EXIT_CODE, True, id="1 may be anything"),
        pytest.param({"exit_code": 127}, reasons.CANNOT_START, False, id="no trainer in the image"),
        pytest.param(
            {"exit_code": 128, "end_reason": "StartError"},
            reasons.CANNOT_START,
            False,
            id="a container that cannot be started",
        ),
        pytest.param({"exit_code": 0}, reasons.FALSE_SUCCESS, False, id="0 without an outcome"),
        pytest.param(
            {"reason": "Evicted", "pod_message": "Pod ephemeral local storage usage exceeds"},
            reasons.EPHEMERAL_STORAGE_EXCEEDED,
            False,
            id="too much local disk is final",
        ),
        pytest.param(
            {"reason": "Evicted", "pod_message": "The node was low on resource: memory."},
            reasons.EVICTED,
            True,
            id="a node in need is not the job's fault",
        ),
        pytest.param(
            {"disrupted": "PreemptionByScheduler", "exit_code": 0},
            reasons.PREEMPTED,
            True,
            id="a preempted trainer that returned 0 was preempted",
        ),
        pytest.param(
            {"disrupted": "DeletionByTaintManager"}, reasons.NODE_LOST, True, id="a lost node"
        ),
        pytest.param({"reason": "NodeLost"}, reasons.NODE_LOST, True, id="a node that went away"),
        pytest.param({}, reasons.POD_LOST, True, id="a pod that was deleted while it ran"),
    ],
)
def test_endings_become_reasons(pod: dict[str, Any], reason: str, is_retried: bool) -> None:
    fault = explain(**pod)

    assert (fault.reason, fault.is_retried) == (reason, is_retried)


def test_the_deadline_of_the_batch_job_is_the_jobs_deadline() -> None:
    fault = explain(Ending(False, "DeadlineExceeded", "", NOW), exit_code=143)

    assert (fault.reason, fault.is_retried) == (reasons.DEADLINE_EXCEEDED, False)


def test_the_trainers_own_words_come_first() -> None:
    said = an_outcome(
        exit_code=65, succeeded=False, reason="EmptyDataset", message="no rows", hint="add some"
    )

    fault = explain(exit_code=65, message=said)

    assert (fault.reason, fault.text) == ("EmptyDataset", "no rows; add some")
    assert not fault.is_retried


def test_the_exit_code_decides_about_a_retry_and_not_the_trainers_words() -> None:
    said = an_outcome(exit_code=75, succeeded=False, reason="TransientDownload", message="again?")

    assert not explain(exit_code=65, message=said).is_retried


def test_words_that_are_no_reason_are_not_taken_for_one() -> None:
    said = an_outcome(exit_code=65, succeeded=False, reason="so bad!", message="\x1b[31mred\nline")

    fault = explain(exit_code=65, message=said)

    assert (fault.reason, fault.message) == ("BadData", "[31mred line")


def test_a_code_is_read_from_the_job_when_the_pod_is_gone() -> None:
    message = "Container trainer for pod a/b failed with exit code 65 matching FailJob rule"

    fault = explain_ending(Evidence(Ending(False, "PodFailurePolicy", message, NOW), None))

    assert (fault.reason, fault.exit_code) == ("BadData", 65)


@pytest.mark.parametrize("code", [code for code in ExitCode if code])
def test_every_exit_code_of_the_contract_is_known(code: ExitCode) -> None:
    fault = explain(exit_code=int(code))

    assert fault.reason == MEANINGS[code].reason
    assert fault.is_retried == (code not in PERMANENT_EXIT_CODES)
    assert fault.exit_code == code
