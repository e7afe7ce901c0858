import os
import signal

import pytest

from finetune_api.contract.exit_codes import ExitCode
from finetune_trainer.errors import PreemptedError
from finetune_trainer.preemption import SIGNALS, Preemption


def test_without_a_signal_work_goes_on() -> None:
    Preemption().check()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_leaves_at_the_next_check(number: signal.Signals) -> None:
    before = {known: signal.getsignal(known) for known in SIGNALS}
    preemption = Preemption()
    preemption.install()
    try:
        os.kill(os.getpid(), number)
        assert preemption.is_requested
        with pytest.raises(PreemptedError, match=number.name):
            preemption.check()
    finally:
        for known, handler in before.items():
            signal.signal(known, handler)


def test_the_grace_runs_from_the_signal_on() -> None:
    now = [100.0]
    preemption = Preemption(grace_seconds=30, clock=lambda: now[0])
    now[0] += 50
    assert preemption.count_seconds_left() == 30

    preemption.request()
    now[0] += 12

    assert preemption.count_seconds_left() == 18


def test_a_second_signal_ends_the_process_at_once() -> None:
    child = os.fork()
    if child == 0:
        preemption = Preemption()
        preemption.install()
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        os._exit(0)

    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == ExitCode.PREEMPTED
