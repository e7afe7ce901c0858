from collections.abc import Iterator

import pytest

from cli_builders import build_report
from finetune_api.contract.progress import ProgressReport
from kubectl_finetune.local.followers import KILLED, STOPPING, follow
from kubectl_finetune.local.interrupts import Interrupts


class ScriptedTrainer:
    """A trainer that does one thing each time it is waited for.

    `script` holds an exit code to end with, "Ctrl-C" for a user that stops it, or None.
    """

    def __init__(self, script: list[int | str | None], interrupts: Interrupts) -> None:
        self.heard: list[str] = []
        self._script = script
        self._interrupts = interrupts

    def wait(self, timeout_seconds: float) -> int | None:
        del timeout_seconds
        event = self._script.pop(0)
        if event == "Ctrl-C":
            self._interrupts.count += 1
            return None
        assert not isinstance(event, str)
        return event

    def terminate(self) -> None:
        self.heard.append("SIGTERM")

    def kill(self) -> None:
        self.heard.append("SIGKILL")


class RecordingView:
    def __init__(self) -> None:
        self.steps: list[int] = []
        self.lines: list[str] = []

    def show(self, report: ProgressReport) -> None:
        self.steps.append(report.step)

    def say(self, line: str) -> None:
        self.lines.append(line)


def read_in_turn(*reports: ProgressReport | None) -> Iterator[ProgressReport | None]:
    yield from reports
    while True:
        yield None


def test_every_report_is_shown_and_the_last_is_kept() -> None:
    interrupts, view = Interrupts(), RecordingView()
    reports = read_in_turn(None, build_report(step=1), build_report(step=2))

    exit_code, last = follow(
        ScriptedTrainer([None, None, None, None, 0], interrupts),
        lambda: next(reports),
        view,
        interrupts,
    )

    assert exit_code == 0
    assert view.steps == [1, 2]
    assert last is not None
    assert last.step == 2


@pytest.mark.parametrize(
    ("script", "heard", "said"),
    [
        pytest.param([None, 0], [], [], id="nobody stops it"),
        pytest.param(["Ctrl-C", None, 143], ["SIGTERM"], [STOPPING], id="one Ctrl-C saves"),
        pytest.param(
            ["Ctrl-C", None, "Ctrl-C", -9],
            ["SIGTERM", "SIGKILL"],
            [STOPPING, KILLED],
            id="a second one kills",
        ),
    ],
)
def test_the_trainer_hears_what_the_user_asks_for(
    script: list[int | str | None], heard: list[str], said: list[str]
) -> None:
    interrupts, view = Interrupts(), RecordingView()
    trainer = ScriptedTrainer(script, interrupts)

    follow(trainer, lambda: None, view, interrupts)

    assert (trainer.heard, view.lines) == (heard, said)


def test_a_second_ctrl_c_while_the_first_is_passed_on_is_not_lost() -> None:
    interrupts = Interrupts()
    trainer = ScriptedTrainer(["Ctrl-C", None, -9], interrupts)

    class ImpatientUser(RecordingView):
        def say(self, line: str) -> None:
            super().say(line)
            if line == STOPPING:
                interrupts.count += 1

    follow(trainer, lambda: None, ImpatientUser(), interrupts)

    assert trainer.heard == ["SIGTERM", "SIGKILL"]
