"""Texts that a model writes, against those that it should write: ROUGE, BLEU and chrF.

By rouge-score and sacrebleu, which download nothing. ROUGE is a share between 0 and 1, BLEU and
chrF go from 0 to 100, as everyone quotes them.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from finetune_trainer.tasks.base import Scores

ROUGES = ("rouge1", "rouge2", "rougeL")
FILLING = -100
"""What the Trainer fills narrower batches with."""
_WORD = re.compile(r"\w+")


class Words:
    """Splits texts for ROUGE into words of any script; its own way knows the letters a to z."""

    def tokenize(self, text: str) -> list[str]:
        """Give the words, in lower case."""
        return _WORD.findall(text.lower())


def score_texts(written: Sequence[str], wanted: Sequence[str]) -> Scores:
    """Score written texts against one reference each."""
    from sacrebleu import corpus_bleu, corpus_chrf

    references = [list(wanted)]
    return {
        **_score_rouge(written, wanted),
        # force: texts that look tokenized are what the data holds, not a mistake of ours.
        "bleu": float(corpus_bleu(list(written), references, force=True).score),
        "chrf": float(corpus_chrf(list(written), references).score),
    }


def decode_texts(tokenizer: Any, numbers: "np.ndarray[Any, Any]") -> list[str]:
    """Give the texts of tokens [rows, tokens], without special tokens and filling."""
    filled = np.where(numbers == FILLING, tokenizer.pad_token_id, numbers).astype(np.int64)
    texts: list[str] = tokenizer.batch_decode(filled, skip_special_tokens=True)
    return [text.strip() for text in texts]


def _score_rouge(written: Sequence[str], wanted: Sequence[str]) -> Scores:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(ROUGES, tokenizer=Words())
    found = [scorer.score(right, text) for right, text in zip(wanted, written, strict=True)]
    return {name: float(np.mean([row[name].fmeasure for row in found])) for name in ROUGES}
