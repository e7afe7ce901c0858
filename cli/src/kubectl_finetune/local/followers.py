"""Follows a trainer to its end: shows each report and passes on what the user asks for.

Knows neither processes nor terminals, only their seams, so that a test plays a whole run at once.
"""

from collections.abc import Callable
from typing import Protocol

from finetune_api.contract.progress import ProgressReport
from kubectl_finetune.local.interrupts import Interrupts
from kubectl_finetune.local.trainers import Trainer

POLL_SECONDS = 0.5

STOPPING = "stopping: the trainer saves a checkpoint first (Ctrl-C again ends it at once)"
KILLED = "ending the trainer at once"


class View(Protocol):
    """Where a run is shown."""

    def show(self, report: ProgressReport) -> None:
        """Show how it goes."""

    def say(self, line: str) -> None:
        """Show one line that stays."""


def follow(
    trainer: Trainer,
    read_report: Callable[[], ProgressReport | None],
    view: View,
    interrupts: Interrupts,
) -> tuple[int, ProgressReport | None]:
    """Show how it goes until the trainer ends.

    Returns:
        its exit code (negative for a signal) and its last report.
    """
    passed_on = 0
    last_report = None
    while (exit_code := trainer.wait(POLL_SECONDS)) is None:
        while passed_on < interrupts.count:  # one may come while another is passed on
            passed_on += 1
            _pass_on(passed_on, trainer, view)
        if report := read_report():
            last_report = report
            view.show(report)
    return exit_code, last_report


def _pass_on(count: int, trainer: Trainer, view: View) -> None:
    if count == 1:
        view.say(STOPPING)
        trainer.terminate()
    else:
        view.say(KILLED)
        trainer.kill()
