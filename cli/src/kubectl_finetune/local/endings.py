"""What came of a run: the trainer's last word, or what its exit code lets us say in its place."""

import signal
from dataclasses import dataclass

from finetune_api.contract.exit_codes import MEANINGS, ExitCode
from finetune_api.contract.outcomes import Outcome
from finetune_api.contract.progress import ProgressReport
from kubectl_finetune.local.interrupts import Interrupts


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended.

    Attributes:
        outcome: the trainer's own, or one in its place; holds the last report where there is one.
        exit_code: what the command ends with.
        interrupted: whether the user asked for the end.
    """

    outcome: Outcome
    exit_code: int
    interrupted: bool = False


def judge_ending(
    exit_code: int,
    outcome: Outcome | None,
    last_report: ProgressReport | None,
    interrupts: Interrupts,
) -> Ending:
    """Say how a run ended.

    A trainer that finished is a success even if the user asked it to stop a moment before.

    Args:
        exit_code: of the trainer's process; negative for a signal.
        outcome: what it left, if anything.
        last_report: what it said last, for an outcome that had no room for it.
        interrupts: what the user asked for.
    """
    outcome = outcome or _explain(exit_code)
    if outcome.report is None and last_report is not None:
        outcome = outcome.model_copy(update={"report": last_report})
    if exit_code == ExitCode.DONE and outcome.succeeded:
        return Ending(outcome, exit_code=0)
    if interrupts.count:
        return Ending(outcome, exit_code=interrupts.exit_code, interrupted=True)
    return Ending(outcome, exit_code=_to_shell_code(exit_code) or ExitCode.INTERNAL)


def _explain(exit_code: int) -> Outcome:
    """Make an outcome for a trainer that left none."""
    code = _to_shell_code(exit_code)
    if exit_code == ExitCode.DONE:
        reason, hint = "NoOutcome", "this is a bug of the trainer; please report it"
        message = "the trainer ended without a word on how it went"
    elif exit_code < 0:
        name = signal.Signals(-exit_code).name
        reason, message = "Killed", f"the trainer was ended from outside by {name}"
        hint = "with SIGKILL this machine may be short of memory: lower training.batchSize"
    elif exit_code in set(ExitCode):
        meaning = MEANINGS[ExitCode(exit_code)]
        reason, hint = meaning.reason, meaning.hint
        message = f"the trainer ended with exit code {exit_code}"
    else:
        reason, hint = "Crashed", "read the log"
        message = f"the trainer ended with the unknown exit code {exit_code}"
    return Outcome(exit_code=code, succeeded=False, reason=reason, message=message, hint=hint)


def _to_shell_code(exit_code: int) -> int:
    return 128 - exit_code if exit_code < 0 else exit_code
