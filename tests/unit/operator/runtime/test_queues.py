"""The keyed queue on a clock that stands still until it is moved."""

from finetune_operator.core.records import Key
from finetune_operator.runtime.queues import KeyedQueue

A, B, C = (Key("team", name) for name in "abc")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def a_queue() -> tuple[KeyedQueue, Clock]:
    clock = Clock()
    return KeyedQueue(clock, jitter=lambda: 1.0), clock


def take(queue: KeyedQueue) -> Key | None:
    taken = queue.take()
    return taken[0] if taken else None


def test_a_key_waits_once_however_often_it_is_added() -> None:
    queue, _ = a_queue()
    for _ in range(3):
        queue.add(A)

    assert [take(queue), take(queue)] == [A, None]


def test_a_key_that_is_worked_on_is_not_given_out_again() -> None:
    queue, _ = a_queue()
    queue.add(A)
    take(queue)
    queue.add(A)

    assert take(queue) is None
    queue.done(A)
    assert take(queue) == A


def test_what_is_new_goes_before_what_is_tried_again() -> None:
    queue, clock = a_queue()
    queue.retry(A)
    clock.now = 100
    queue.add(B)

    assert [take(queue), take(queue)] == [B, A]


def test_pauses_double_up_to_a_minute_and_start_anew_after_a_success() -> None:
    queue, _ = a_queue()

    pauses = [queue.retry(A) for _ in range(12)]
    queue.forget(A)

    assert pauses[:4] == [0.2, 0.4, 0.8, 1.6]
    assert pauses[-1] == 60
    assert queue.retry(A) == 0.2


def test_half_of_a_pause_is_jitter() -> None:
    queue = KeyedQueue(Clock(), jitter=lambda: 0.0)

    assert queue.retry(A) == 0.1


def test_the_pause_that_the_server_asks_for_is_kept() -> None:
    queue, _ = a_queue()

    assert queue.retry(A, 30.0) == 30


def test_the_earlier_of_two_times_counts() -> None:
    queue, clock = a_queue()
    queue.add_after(A, 10)
    queue.add_after(A, 5)
    queue.add_after(A, 20)

    assert queue.seconds_to_next() == 5
    clock.now = 5
    assert take(queue) == A
    queue.done(A)
    clock.now = 30
    assert take(queue) is None


def test_a_time_that_comes_while_the_key_is_worked_on_is_not_lost() -> None:
    queue, clock = a_queue()
    queue.add(A)
    take(queue)
    queue.add_after(A, 1)
    clock.now = 2
    assert take(queue) is None
    queue.done(A)

    assert take(queue) == A


def test_the_queue_says_how_deep_it_is_and_how_long_the_first_waits() -> None:
    queue, clock = a_queue()
    queue.add(A)
    queue.add(B)
    clock.now = 3
    queue.add(C)

    assert (queue.depth, queue.oldest_seconds, queue.active) == (3, 3, 0)


def test_a_flood_of_new_keys_does_not_stop_the_others() -> None:
    queue, clock = a_queue()
    queue.add_after(A, 0)
    clock.now = 1
    for number in range(10):
        queue.add(Key("team", str(number)))

    assert A in [take(queue) for _ in range(5)]
