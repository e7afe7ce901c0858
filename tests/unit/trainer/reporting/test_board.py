from finetune_api.v1alpha1.status import ForgettingMetric, HistoryPoint
from finetune_trainer.reporting.board import MAX_POINTS, Board


def a_board() -> Board:
    return Board("uid", 2, clock=lambda: 1_800_000_000.0)


def test_a_report_names_job_attempt_and_time() -> None:
    report = a_board().snapshot()

    assert (report.job_uid, report.attempt, report.phase) == ("uid", 2, "Start")
    assert report.report_time == "2027-01-15T08:00:00Z"


def test_a_new_phase_is_a_sign_of_life() -> None:
    board = a_board()

    board.enter("Load")

    assert board.snapshot().phase == "Load"
    assert board.snapshot().last_step_time == "2027-01-15T08:00:00Z"
    assert set(board.phase_seconds()) == {"Start", "Load"}


def test_numbers_that_are_none_are_left_out() -> None:
    board = a_board()
    board.update(loss=0.5)

    board.update(loss=float("nan"), step=3)
    board.measure("baseline", {"f1": float("inf"), "accuracy": 0.5})

    report = board.snapshot()
    assert (report.loss, report.step) == (0.5, 3)
    assert report.metrics is not None
    assert [m.name for m in report.metrics.baseline or []] == ["accuracy"]


def test_warnings_are_told_once_and_ten_at_most() -> None:
    board = a_board()

    board.warn("a", "b", "a")
    board.warn("b", *(f"w{n}" for n in range(20)))

    resolved = board.snapshot().resolved
    assert resolved is not None
    assert resolved.warnings[:3] == ["a", "b", "w0"]
    assert len(resolved.warnings) == 10


def test_loss_and_evaluation_of_one_step_are_one_point() -> None:
    board = a_board()

    board.add_point(HistoryPoint(step=10, loss=0.5))
    board.add_point(HistoryPoint(step=10, evaluation_loss=0.6, metric=0.7))

    assert board.snapshot().history == (
        HistoryPoint(step=10, loss=0.5, evaluation_loss=0.6, metric=0.7),
    )


def test_a_long_curve_is_thinned_but_keeps_its_evaluations() -> None:
    board = a_board()

    for step in range(1, 1001):
        board.add_point(HistoryPoint(step=step, loss=0.5))
        if step % 100 == 0:
            board.add_point(HistoryPoint(step=step, evaluation_loss=0.6))

    history = board.snapshot().history
    assert len(history) <= MAX_POINTS
    assert [p.step for p in history if p.evaluation_loss] == list(range(100, 1001, 100))
    assert history[-1].step == 1000


def test_a_curve_of_evaluations_alone_stays_bounded() -> None:
    board = a_board()

    for step in range(1, 1001):
        board.add_point(HistoryPoint(step=step, evaluation_loss=0.6))

    history = board.snapshot().history
    assert len(history) <= MAX_POINTS
    assert history[-1].step == 1000


def test_the_last_word_of_an_earlier_attempt_is_said_again_as_this_one_s() -> None:
    earlier = a_board()
    earlier.measure("test", {"f1": 0.5})
    board = Board("uid", 2)

    board.take_over(earlier.snapshot())

    assert board.snapshot().attempt == 2
    assert board.snapshot().metrics == earlier.snapshot().metrics


def test_what_was_compared_is_added_to_what_was_measured() -> None:
    board = a_board()
    board.measure("test", {"f1": 0.5})
    drop = ForgettingMetric(name="f1", before=0.9, after=0.8, drop=0.1)

    board.compare(forgetting=[drop])

    metrics = board.snapshot().metrics
    assert metrics is not None
    assert (metrics.forgetting, metrics.slices) == ([drop], None)
    assert metrics.test is not None
