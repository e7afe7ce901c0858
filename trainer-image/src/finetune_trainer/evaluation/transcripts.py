"""How far what was written down is from what was said: error rates of words and characters.

`tasks.speech_recognition` calls it; jiwer counts the fewest insertions, deletions and replacements
that turn one into the other, over all rows together.
"""

from collections.abc import Sequence

from finetune_trainer.tasks.base import Scores


def score_transcripts(written: Sequence[str], said: Sequence[str]) -> Scores:
    """Score transcripts of a model against those of the rows; above 1 where it made up words."""
    import jiwer

    references, answers = list(said), list(written)
    return {
        "wer": float(jiwer.wer(references, answers)),
        "cer": float(jiwer.cer(references, answers)),
    }
