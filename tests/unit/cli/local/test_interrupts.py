import signal

import pytest

from kubectl_finetune.local.interrupts import Interrupts


@pytest.mark.parametrize(
    ("number", "exit_code"),
    [pytest.param(signal.SIGINT, 130, id="Ctrl-C"), pytest.param(signal.SIGTERM, 143, id="kill")],
)
def test_requests_to_stop_are_counted(number: signal.Signals, exit_code: int) -> None:
    with Interrupts() as interrupts:
        signal.raise_signal(number)
        signal.raise_signal(number)

    assert (interrupts.count, interrupts.exit_code) == (2, exit_code)


def test_the_earlier_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGINT)

    with Interrupts():
        assert signal.getsignal(signal.SIGINT) != before

    assert signal.getsignal(signal.SIGINT) == before


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            signal.raise_signal(signal.SIGHUP)
        assert interrupts.count == 0
    finally:
        signal.signal(signal.SIGHUP, before)
