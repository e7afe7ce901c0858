import logging
import threading
import time
from pathlib import Path

import pytest

from finetune_trainer.tracking.records import Ending, Start
from finetune_trainer.tracking.senders import Pace, Sender
from trackers import FakeTracker, a_point, an_outage

QUICK = Pace(first_pause_seconds=0.001, longest_pause_seconds=0.001, most_waiting=5)
SLOW = Pace(first_pause_seconds=60.0)
DONE = Ending("Succeeded", (Path("README.md"),))
IN_TIME = 10.0


def a_sender(tracker: FakeTracker, pace: Pace = QUICK) -> Sender:
    return Sender("Tracker", lambda: tracker, pace=pace)


def test_records_arrive_in_order() -> None:
    tracker = FakeTracker()
    sender = a_sender(tracker)
    start, point = Start("", 0), a_point(1)

    sender.put(start)
    sender.put(point)
    sender.close(DONE, IN_TIME)

    assert tracker.told == [start, point, DONE]
    assert (sender.problem, sender.lost) == (None, 0)


def test_points_that_wait_together_are_written_together() -> None:
    tracker = FakeTracker(gate=threading.Event())
    sender = a_sender(tracker)

    sender.put(Start("", 0))
    for step in range(4):
        sender.put(a_point(step))
    assert tracker.gate is not None
    tracker.gate.set()
    sender.close(DONE, IN_TIME)

    assert tracker.steps == [0, 1, 2, 3]
    assert tracker.calls == 1


def test_nothing_is_opened_before_there_is_something_to_tell() -> None:
    opened: list[bool] = []

    def open_tracker() -> FakeTracker:
        opened.append(True)
        return FakeTracker()

    Sender("Tracker", open_tracker).close(Ending("Interrupted"), IN_TIME)

    assert opened == []


def test_a_tracker_that_comes_back_gets_what_it_has_missed() -> None:
    tracker = FakeTracker(errors=an_outage(3))
    sender = a_sender(tracker)

    sender.put(a_point(1))
    sender.settle(0)
    while sender.problem is None:
        time.sleep(0.001)
    sender.put(a_point(2))
    while len(tracker.steps) < 2:
        time.sleep(0.001)
    sender.close(DONE, IN_TIME)

    assert tracker.steps == [1, 2]
    assert sender.lost == 0


def test_a_problem_is_told_once_with_its_fix(caplog: pytest.LogCaptureFixture) -> None:
    sender = a_sender(FakeTracker(errors=an_outage(3)))

    with caplog.at_level(logging.WARNING):
        sender.put(a_point(1))
        sender.close(DONE, IN_TIME)

    assert sender.problem == "Tracker: it is down; the training goes on without it. Mend it"
    assert caplog.messages.count(sender.problem) == 1


def test_a_tracker_that_is_down_costs_the_end_nothing_and_loses_are_counted() -> None:
    counted: list[int] = []
    tracker = FakeTracker(errors=an_outage(100))
    sender = Sender("Tracker", lambda: tracker, counted.append, SLOW)
    began = time.monotonic()

    sender.put(a_point(1))
    sender.put(a_point(2))
    sender.close(DONE, IN_TIME)

    assert time.monotonic() - began < 2
    assert (sender.lost, sum(counted)) == (2, 2)


def test_a_tracker_that_refuses_is_not_asked_again() -> None:
    tracker = FakeTracker(errors=an_outage(1, is_final=True))
    sender = a_sender(tracker)

    sender.put(a_point(1))
    sender.settle(IN_TIME)
    sender.put(a_point(2))
    sender.close(DONE, IN_TIME)

    assert tracker.told == []
    assert sender.lost == 2


def test_a_tracker_that_hangs_holds_nobody_up() -> None:
    tracker = FakeTracker(gate=threading.Event())
    sender = a_sender(tracker)
    began = time.monotonic()

    for step in range(100):
        sender.put(a_point(step))
    sender.close(DONE, 0.05)

    assert time.monotonic() - began < 2
    assert sender.lost == 100
    assert tracker.gate is not None
    tracker.gate.set()


def test_what_waits_is_bounded_but_beginnings_and_ends_have_a_place() -> None:
    tracker = FakeTracker(gate=threading.Event())
    sender = a_sender(tracker)

    sender.put(Start("", 0))
    for step in range(10):
        sender.put(a_point(step))
    sender.put(Start("fold-2", 0))
    assert tracker.gate is not None
    tracker.gate.set()
    sender.close(DONE, IN_TIME)

    assert tracker.steps == [0, 1, 2, 3]
    assert tracker.told[-2:] == [Start("fold-2", 0), DONE]
    assert sender.lost == 6


def test_a_checkpoint_keeps_the_latest_of_what_waits() -> None:
    gate = threading.Event()
    pace = Pace(most_remembered=2)
    sender = Sender("Tracker", lambda: FakeTracker(gate=gate), pace=pace, remembers=True)

    for step in range(4):
        sender.put(a_point(step))

    assert [point.step for point in sender.list_waiting()] == [2, 3]
    gate.set()


def test_nothing_is_kept_for_a_tracker_that_would_show_it_twice() -> None:
    tracker = FakeTracker(gate=threading.Event())
    sender = a_sender(tracker)

    sender.put(a_point(1))

    assert sender.list_waiting() == []
    assert tracker.gate is not None
    tracker.gate.set()


def test_a_bug_of_a_tracker_is_a_warning_and_no_failure() -> None:
    sender = a_sender(FakeTracker(errors=[KeyError("loss"), KeyError("loss")]))

    sender.put(a_point(1))
    sender.settle(IN_TIME)

    assert sender.problem == "Tracker: KeyError; the training goes on without it"
    sender.close(DONE, IN_TIME)


def test_a_process_that_is_about_to_be_killed_waits_for_no_tracker_that_is_down() -> None:
    tracker = FakeTracker(errors=an_outage(100))
    sender = a_sender(tracker, SLOW)
    sender.put(a_point(1))
    while sender.problem is None:
        time.sleep(0.001)
    sender.settle(IN_TIME)
    tracker.gate = threading.Event()
    began = time.monotonic()

    sender.close(Ending("Interrupted"), IN_TIME)

    assert time.monotonic() - began < 2
    tracker.gate.set()
