import pytest

from finetune_trainer.evaluation.detections import Detection, Wanted, score_detections

CAR, DOG = 0, 1


def test_a_published_example_has_the_published_score() -> None:
    """The first example of torchmetrics' MeanAveragePrecision: corners there, sizes here."""
    found = [[Detection(CAR, (258, 41, 606 - 258, 285 - 41), 0.536)]]
    wanted = [[Wanted(CAR, (214, 41, 562 - 214, 285 - 41))]]

    scores = score_detections(found, wanted, label_count=1)

    assert scores == {"map": pytest.approx(0.6), "map50": pytest.approx(1.0)}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param([[Detection(CAR, (0, 0, 10, 10), 0.9)]], 1.0, id="the box itself"),
        pytest.param([[Detection(DOG, (0, 0, 10, 10), 0.9)]], 0.0, id="under another label"),
        pytest.param([[Detection(CAR, (50, 50, 10, 10), 0.9)]], 0.0, id="elsewhere"),
        pytest.param(
            [[Detection(CAR, (50, 50, 9, 9), 0.9), Detection(CAR, (0, 0, 10, 10), 0.8)]],
            0.5,
            id="behind a surer one that is wrong",
        ),
        pytest.param([[]], 0.0, id="nothing"),
    ],
)
def test_what_is_found_is_scored(found: list[list[Detection]], expected: float) -> None:
    scores = score_detections(found, [[Wanted(CAR, (0, 0, 10, 10))]], label_count=2)

    assert scores["map50"] == pytest.approx(expected, abs=1e-6)


def test_images_are_not_mixed_up() -> None:
    box = (0.0, 0.0, 10.0, 10.0)

    scores = score_detections(
        [[Detection(CAR, box, 0.9)], []], [[], [Wanted(CAR, box)]], label_count=1
    )

    assert scores["map"] == 0.0


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    box = (0.0, 0.0, 10.0, 10.0)

    score_detections([[Detection(CAR, box, 0.9)]], [[Wanted(CAR, box)]], label_count=1)

    assert capsys.readouterr().out == ""
