from finetune_api.v1alpha1.status import EarlyStoppingStatus, FoldMetric, HistoryPoint
from finetune_trainer.reporting.board import Board
from finetune_trainer.reporting.stages import Stage

SECOND = Stage("2/3", steps_before=40, steps_after=60, is_fold=True)


def test_the_only_training_changes_nothing() -> None:
    changes = {"step": 3, "maximum_steps": 10, "loss": 0.5}

    assert Stage().place(changes) == changes


def test_steps_are_those_of_the_whole_job() -> None:
    board = Board("uid", 1)
    board.begin(SECOND, 50)

    board.mark_step(step=10, resumed_from_step=5, eta_seconds=3.0)
    board.add_point(HistoryPoint(step=10, loss=0.5))

    report = board.snapshot()
    assert (report.fold, report.step, report.maximum_steps) == ("2/3", 50, 40 + 50 + 60)
    assert (report.resumed_from_step, report.eta_seconds) == (45, 3.0)
    assert [point.step for point in report.history] == [50]


def test_training_time_adds_up_over_the_folds() -> None:
    board = Board("uid", 1)
    board.begin(Stage("1/3", is_fold=True), 50)
    board.mark_step(train_seconds=7.0)

    board.begin(SECOND, 50)
    board.mark_step(train_seconds=2.0)

    assert board.snapshot().train_seconds == 9.0


def test_a_fold_that_stops_early_does_not_stop_the_job() -> None:
    stopping = EarlyStoppingStatus(
        metric="f1", best=0.5, stopped=True, reason="NoImprovement", stopped_step=9, steps_saved=3
    )

    placed = SECOND.place({"early_stopping": stopping})["early_stopping"]

    assert placed == EarlyStoppingStatus(metric="f1", best=0.5)
    assert Stage("refit").place({"early_stopping": stopping})["early_stopping"] == stopping


def test_metrics_of_one_fold_are_no_metrics_of_the_model() -> None:
    board = Board("uid", 1)
    board.begin(SECOND, 50)

    board.measure("best", {"f1": 0.5})
    board.measure_folds([FoldMetric(name="f1", mean=0.5, standard_deviation=0.1, folds=2)])

    metrics = board.snapshot().metrics
    assert metrics is not None
    assert metrics.best is None
    assert metrics.folds is not None


def test_a_new_training_forgets_what_was_said_of_the_one_before() -> None:
    board = Board("uid", 1)
    board.begin(SECOND, 50)
    board.mark_step(step=10, loss=0.5, epoch=1.0, evaluation_loss=0.4)
    board.update(early_stopping=EarlyStoppingStatus(metric="f1"))

    board.begin(Stage("refit", steps_before=90), 20)

    report = board.snapshot()
    assert (report.step, report.maximum_steps, report.fold) == (90, 110, "refit")
    assert (report.loss, report.epoch, report.early_stopping) == (None, None, None)


def test_a_fold_does_not_repeat_a_warning_with_other_numbers() -> None:
    board = Board("uid", 1)
    board.warn("23% of the training texts are cut")
    board.begin(SECOND, 50)

    board.warn("24.5% of the training texts are cut", "the labels are torn", "the labels are torn")

    resolved = board.snapshot().resolved
    assert resolved is not None
    assert resolved.warnings == ["23% of the training texts are cut", "the labels are torn"]
