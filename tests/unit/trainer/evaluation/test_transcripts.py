import pytest

from finetune_trainer.evaluation.transcripts import score_transcripts


@pytest.mark.parametrize(
    ("written", "said", "wer", "cer"),
    [
        pytest.param(["a b c"], ["a b c"], 0, 0, id="every word"),
        pytest.param(["a x c"], ["a b c"], 1 / 3, 1 / 5, id="one word is another"),
        pytest.param([""], ["a b"], 1, 1, id="nothing"),
        pytest.param(["a b c d"], ["a b"], 1, 4 / 3, id="words that nobody said"),
        pytest.param(["a", "b c d"], ["x", "b c d"], 1 / 4, 1 / 6, id="over all rows together"),
    ],
)
def test_errors_are_counted_over_what_was_said(
    written: list[str], said: list[str], wer: float, cer: float
) -> None:
    assert score_transcripts(written, said) == {
        "wer": pytest.approx(wer),
        "cer": pytest.approx(cer),
    }
