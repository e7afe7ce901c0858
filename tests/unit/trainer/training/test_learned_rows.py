from typing import Any

import pytest

from finetune_trainer.data.tables import Part
from finetune_trainer.tasks.base import Encoded, Rows
from finetune_trainer.training.learned_rows import renew_each_epoch
from finetune_trainer.training.plans import plan_steps
from trainer_tasks import a_part, a_spec

TEXTS = [f"a text of {n} words that may go and letters that may change" for n in range(40)]


def encode(part: Part) -> Encoded:
    """One feature for each row: its text, as long as its words."""
    texts = part.column("text")
    return Encoded([{"text": text} for text in texts], [len(text.split()) for text in texts])


def build(general: int = 0, **dataset: Any) -> Rows:
    train = a_part(text=TEXTS, label=["a", "b"] * 20)
    replay = a_part("replay", text=[f"general {n}" for n in range(general)])
    spec = a_spec(
        "TextClassification",
        dataset={"train": {"source": "pvc://data/train.csv"}, **dataset},
        training={"epochs": 2},
    )
    plan = plan_steps(spec, len(train))
    parts = {"train": train, "replay": replay}
    return renew_each_epoch(Rows(train, encode(train)), parts, encode, spec, plan)


def read(rows: Rows, epoch: int) -> list[str]:
    assert rows.encoded.set_epoch is not None
    rows.encoded.set_epoch(epoch)
    assert [len(rows[i]["text"].split()) for i in range(len(rows))] == list(rows.lengths)
    return [rows[i]["text"] for i in range(len(rows))]


AUGMENTATION = {"wordDropout": 0.2, "characterNoise": 0.1}
REPLAY = {"source": "pvc://data/general.csv", "ratio": 0.2}


def test_rows_stay_as_they_are_where_nothing_is_asked_for() -> None:
    rows = build()

    assert rows.encoded.set_epoch is None
    assert [rows[i]["text"] for i in range(len(rows))] == TEXTS


@pytest.mark.parametrize(
    "dataset",
    [
        pytest.param({"augmentation": AUGMENTATION}, id="augmentation"),
        pytest.param({"replay": REPLAY}, id="replay"),
        pytest.param({"augmentation": AUGMENTATION, "replay": REPLAY}, id="both"),
    ],
)
def test_an_epoch_is_the_same_whatever_was_before_it(dataset: dict[str, Any]) -> None:
    uninterrupted, resumed = build(100, **dataset), build(100, **dataset)

    epochs = [read(uninterrupted, epoch) for epoch in (0, 1, 2)]

    assert read(resumed, 2) == epochs[2]
    assert epochs[0] != epochs[1] != epochs[2]


def test_an_epoch_that_is_said_twice_is_made_once() -> None:
    calls: list[int] = []
    rows = build(augmentation=AUGMENTATION)

    first = rows.encoded.features
    read(rows, 1)
    calls.append(id(rows.encoded.features[0]))
    read(rows, 1)
    calls.append(id(rows.encoded.features[0]))

    assert rows.encoded.features is first, "the Trainer keeps what it was given"
    assert calls[0] == calls[1]


def test_general_rows_are_a_share_of_each_epoch_and_stay_as_they_are() -> None:
    rows = build(100, augmentation=AUGMENTATION, replay=REPLAY)

    texts = read(rows, 0)

    general = [text for text in texts if text.startswith("general ")]
    assert (len(texts), len(general)) == (50, 10)
    assert set(general) <= {f"general {n}" for n in range(100)}


def test_the_statistics_are_those_of_the_texts_as_they_are_written() -> None:
    rows = build(augmentation=AUGMENTATION)

    assert list(rows.lengths) == [len(text.split()) for text in TEXTS]
