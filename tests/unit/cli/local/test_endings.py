import pytest

from cli_builders import build_outcome, build_report
from finetune_api.contract.outcomes import Outcome
from kubectl_finetune.local.endings import judge_ending
from kubectl_finetune.local.interrupts import Interrupts

DONE = build_outcome()
BAD_DATA = build_outcome(exitCode=65, succeeded=False, reason="BadData", message="no column")
SAVED = build_outcome(exitCode=143, succeeded=False, reason="Terminated")


@pytest.mark.parametrize(
    ("process_code", "outcome", "asked", "exit_code", "reason"),
    [
        pytest.param(0, DONE, 0, 0, "Succeeded", id="done"),
        pytest.param(0, DONE, 1, 0, "Succeeded", id="done in spite of Ctrl-C"),
        pytest.param(143, SAVED, 1, 130, "Terminated", id="stopped by the user"),
        pytest.param(-9, None, 2, 130, "Killed", id="killed by the user"),
        pytest.param(65, BAD_DATA, 0, 65, "BadData", id="the trainer's own words"),
        pytest.param(80, None, 0, 80, "CUDAOutOfMemory", id="a known code and no words"),
        pytest.param(-9, None, 0, 137, "Killed", id="killed from outside"),
        pytest.param(0, None, 0, 70, "NoOutcome", id="zero alone is no success"),
        pytest.param(0, BAD_DATA, 0, 70, "BadData", id="zero against its own words"),
        pytest.param(1, None, 0, 1, "Crashed", id="an unknown code"),
    ],
)
def test_the_ending_follows_code_words_and_user(
    process_code: int, outcome: Outcome | None, asked: int, exit_code: int, reason: str
) -> None:
    interrupts = Interrupts()
    interrupts.count = asked

    ending = judge_ending(process_code, outcome, None, interrupts)

    assert (ending.exit_code, ending.outcome.reason) == (exit_code, reason)


def test_the_last_report_stands_in_for_one_the_outcome_had_no_room_for() -> None:
    ending = judge_ending(0, DONE, build_report(step=7), Interrupts())

    assert ending.outcome.report == build_report(step=7)
