from finetune_trainer.evaluation.forgetting import compare


def test_a_drop_is_what_got_worse_whatever_way_is_better() -> None:
    found = compare(["f1", "loss"], {"f1": 0.9, "loss": 0.2}, {"f1": 0.7, "loss": 0.5})

    assert [(m.name, m.drop) for m in found] == [("f1", 0.2), ("loss", 0.3)]


def test_what_got_better_has_dropped_below_nothing() -> None:
    assert compare(["f1"], {"f1": 0.5}, {"f1": 0.75})[0].drop == -0.25


def test_what_was_not_measured_both_times_is_not_compared() -> None:
    assert compare(["f1", "loss"], {"f1": 0.5}, {"loss": 0.5}) == []
