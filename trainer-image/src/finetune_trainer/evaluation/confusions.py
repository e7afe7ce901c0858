"""Which labels a model takes for which others: confusion.csv of tasks with one label for each row.

Pure. `training.examinations` asks; the answer is None for tasks where nothing can be confused.
"""

import csv
import io
from collections import Counter

from finetune_trainer.tasks.base import Judged

LABEL_ROLE = "label"
CORNER = "label \\ answer"
LOGITS_DIMENSIONS = 2


def write_confusion(judged: Judged) -> str | None:
    """Count how often each label (a line) was answered by each label (a column), as CSV."""
    logits, labels = judged.answers.get("logits"), judged.labels
    part = judged.rows.part
    if logits is None or not part.has(LABEL_ROLE) or judged.rows.encoded.rows is not None:
        return None
    if not labels or logits.ndim != LOGITS_DIMENSIONS or logits.shape[1] != len(labels):
        return None
    answers = [labels[number] for number in logits.argmax(axis=-1)]
    counts = Counter(zip(part.column(LABEL_ROLE), answers, strict=True))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([CORNER, *labels])
    for label in labels:
        writer.writerow([label, *(counts[label, answer] for answer in labels)])
    return text.getvalue()
