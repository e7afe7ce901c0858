from dataclasses import replace
from typing import Any

import numpy as np

from finetune_trainer.evaluation.confusions import write_confusion
from finetune_trainer.tasks.base import Encoded, Judged, Rows
from trainer_tasks import a_part, settings_of


def judged(logits: Any, labels: list[str]) -> Judged:
    part = a_part("test", text=["x"] * len(labels), label=labels)
    features: list[Any] = [{} for _ in labels]
    settings = settings_of("TextClassification", ("bad", "good", "odd"))
    return Judged(
        {"logits": np.asarray(logits)}, Rows(part, Encoded(features, [1] * 3)), settings, None
    )


def test_a_line_is_a_label_and_a_column_is_an_answer() -> None:
    found = write_confusion(judged([[1, 0, 0], [0, 1, 0], [1, 0, 0]], ["bad", "good", "good"]))

    assert found is not None
    assert found.splitlines() == [
        "label \\ answer,bad,good,odd",
        "bad,1,0,0",
        "good,1,1,0",
        "odd,0,0,0",
    ]


def test_answers_for_each_word_are_no_confusion_of_rows() -> None:
    assert write_confusion(judged(np.zeros((3, 4, 3)), ["bad"] * 3)) is None


def test_a_task_without_labels_confuses_none() -> None:
    answers = judged([[1, 0, 0]] * 3, ["bad"] * 3)

    assert write_confusion(replace(answers, settings=replace(answers.settings, labels=()))) is None
