import pytest

from finetune_api.contract.exit_codes import ExitCode
from finetune_api.contract.outcomes import Outcome
from finetune_api.contract.progress import ProgressReport
from finetune_trainer.distribution.verdicts import choose_outcome
from finetune_trainer.outcomes import describe_success


def report(step: int) -> ProgressReport:
    return ProgressReport(job_uid="u", attempt=1, step=step, report_time="2026-01-01T00:00:00Z")


def ended(code: ExitCode, step: int = 0) -> Outcome:
    return Outcome(
        exit_code=code, succeeded=False, reason=code.name, message="", report=report(step)
    )


@pytest.mark.parametrize(
    ("codes", "was_told", "chosen"),
    [
        pytest.param([83, 81], False, 81, id="a cause before its consequence"),
        pytest.param([143, 80], False, 80, id="a cause before a rank that was told to stop"),
        pytest.param([143, 83], False, 83, id="a lost peer before the farewell"),
        pytest.param([83, 143], True, 143, id="the pod was told to stop"),
        pytest.param([143, 81], True, 81, id="a cause, although the pod was told to stop as well"),
        pytest.param([82, 81], False, 82, id="of two causes that of the lower rank"),
    ],
)
def test_what_the_others_follow_from_is_the_outcome(
    codes: list[int], was_told: bool, chosen: int
) -> None:
    outcomes = {rank: ended(ExitCode(code)) for rank, code in enumerate(codes)}

    outcome = choose_outcome(outcomes, was_told_to_stop=was_told)

    assert outcome is not None
    assert outcome.exit_code == chosen


def test_the_leader_tells_how_far_it_came() -> None:
    outcomes = {0: ended(ExitCode.STALLED, step=7), 1: ended(ExitCode.DIVERGED, step=8)}

    outcome = choose_outcome(outcomes, was_told_to_stop=False)

    assert outcome is not None
    assert outcome.exit_code == ExitCode.DIVERGED
    assert outcome.report is not None
    assert outcome.report.step == 7


def test_success_is_that_of_the_leader() -> None:
    outcomes = {n: describe_success([], report(n), f"rank {n}") for n in (0, 1)}

    outcome = choose_outcome(outcomes, was_told_to_stop=False)

    assert outcome is not None
    assert (outcome.succeeded, outcome.message) == (True, "rank 0")


def test_silence_is_no_outcome() -> None:
    assert choose_outcome({}, was_told_to_stop=False) is None


def test_a_good_end_of_another_rank_alone_is_no_success() -> None:
    outcomes = {1: describe_success([], report(1), "rank 1")}

    assert choose_outcome(outcomes, was_told_to_stop=False) is None


def test_the_first_rank_of_a_pod_that_does_not_lead_speaks_for_it() -> None:
    outcomes = {n: describe_success([], report(n), f"rank {n}") for n in (2, 3)}

    outcome = choose_outcome(outcomes, was_told_to_stop=False, first=2)

    assert outcome is not None
    assert (outcome.succeeded, outcome.message) == (True, "rank 2")
