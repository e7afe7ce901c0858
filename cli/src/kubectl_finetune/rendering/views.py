"""Where a run is shown: a terminal that is redrawn, plain lines, or nowhere.

Each has `show` for a report and `say` for a line that stays (`followers.View`), and is entered for
the length of a run. `open_view` chooses: a log file must not be filled with spinners.
"""

from contextlib import AbstractContextManager
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from finetune_api.contract.progress import ProgressReport
from finetune_api.v1alpha1.training import EarlyStopping
from kubectl_finetune.rendering import sentences
from kubectl_finetune.rendering.news import News

PLAIN_PERCENT_STEP = 10
"""Without a terminal, a line each time so much more of the steps is done."""


class RunView(AbstractContextManager["RunView"], Protocol):
    """What the command `run` shows a run with."""

    def show(self, report: ProgressReport) -> None:
        """Show how it goes."""

    def say(self, line: str) -> None:
        """Show one line that stays."""


class LiveView:
    """A progress bar at the bottom; what is new stands above it."""

    def __init__(self, console: Console, early_stopping: EarlyStopping) -> None:
        self._news = News(early_stopping)
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn(f"{{task.description:<{sentences.PHASE_WIDTH}}}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[steps]}"),
            TextColumn("[dim]{task.fields[numbers]}"),
            console=console,
            transient=True,
        )
        self._task = self._bar.add_task("starting", total=None, steps="", numbers="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, report: ProgressReport) -> None:
        """Move the bar and print what is new."""
        for line in self._news.read(report):
            self.say(line)
        self._bar.update(
            self._task,
            description=sentences.describe_phase(report),
            total=report.maximum_steps,
            completed=report.step,
            steps=f"step {report.step}/{report.maximum_steps}" if report.maximum_steps else "",
            numbers=sentences.describe_numbers(report),
        )

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)


class PlainView:
    """Lines only: each phase, each tenth of the steps, and what is new."""

    def __init__(self, console: Console, early_stopping: EarlyStopping) -> None:
        self._console = console
        self._news = News(early_stopping)
        self._last_phase = ""
        self._last_tenth = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, report: ProgressReport) -> None:
        """Print what is new, and how far it is."""
        self._show_steps(report)
        for line in self._news.read(report):
            self.say(line)
        self._show_phase(report)

    def say(self, line: str) -> None:
        """Print a line."""
        self._console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)

    def _show_phase(self, report: ProgressReport) -> None:
        # Training and evaluating alternate; what they bring is told by steps and evaluations.
        phase = "Train" if report.phase in ("Evaluate", "Save") else report.phase
        if phase not in (self._last_phase, "Done"):
            self._last_phase = phase
            self.say(sentences.describe_phase(report.model_copy(update={"phase": phase})))

    def _show_steps(self, report: ProgressReport) -> None:
        if not report.maximum_steps:
            return
        tenth = 100 * report.step // report.maximum_steps // PLAIN_PERCENT_STEP
        if tenth > self._last_tenth:
            self._last_tenth = tenth
            numbers = sentences.describe_numbers(report)
            self.say(f"step {report.step}/{report.maximum_steps}   {numbers}")


class SilentView:
    """Nothing, for programs that read the outcome."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, report: ProgressReport) -> None:
        """Show nothing."""

    def say(self, line: str) -> None:
        """Say nothing."""


def open_view(console: Console, early_stopping: EarlyStopping, *, silent: bool) -> RunView:
    """Choose how to show a run."""
    if silent:
        return SilentView()
    choose = LiveView if console.is_terminal else PlainView
    return choose(console, early_stopping)
