import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_api.v1alpha1.augmentation import Augmentation
from finetune_api.v1alpha1.effects import EFFECTS
from finetune_api.v1alpha1.tasks import TaskName
from finetune_trainer.data.augmentation import (
    AUGMENTED_ROLES,
    TextChanges,
    augment_part,
    augment_text,
)
from finetune_trainer.tasks.registry import TASKS
from trainer_tasks import a_part, a_spec

TEXT = " ".join(f"word{n}" for n in range(2000))
EVERYTHING = TextChanges(word_dropout=0.2, word_swap=0.2, character_noise=0.2)


def change(text: str, changes: TextChanges, seed: int = 0) -> str:
    return augment_text(text, changes, random.Random(seed))


def test_nothing_is_changed_where_nothing_is_asked_for() -> None:
    assert TextChanges.of(Augmentation()) is None
    assert TextChanges.of(Augmentation(horizontal_flip=0.5)) is None


def test_words_are_left_out_with_the_probability() -> None:
    words = change(TEXT, TextChanges(word_dropout=0.1)).split()

    assert len(words) == pytest.approx(1800, abs=60)
    assert set(words) <= set(TEXT.split())


def test_swapped_words_stay_close() -> None:
    words = change(TEXT, TextChanges(word_swap=0.1)).split()

    moves = Counter(abs(int(word[4:]) - place) for place, word in enumerate(words))
    assert set(moves) == {0, 1}
    assert moves[1] == pytest.approx(2 * 182, abs=60)


def test_letters_are_mistyped_and_digits_are_not() -> None:
    text = change(TEXT, TextChanges(character_noise=0.1))

    assert text != TEXT
    assert [int("".join(filter(str.isdigit, w))) for w in text.split()] == list(range(2000))


def test_lines_and_spaces_stay() -> None:
    text = "  first line,\n\tsecond  line\n"

    assert change(text, TextChanges(word_swap=1)) == "  line, first\n\tline  second\n"


@given(text=st.text(max_size=60), seed=st.integers(0, 100))
def test_no_text_loses_its_last_word(text: str, seed: int) -> None:
    changed = change(text, TextChanges(word_dropout=1, word_swap=1, character_noise=1), seed)

    assert bool(changed.strip()) == bool(text.strip())
    assert len(changed.split()) == min(1, len(text.split()))


def test_a_row_depends_on_seed_epoch_and_place_alone() -> None:
    texts = ["one of two equal texts"] * 2 + ["another text of some words"]
    part = a_part(text=texts, label=["a", "b", "c"])

    changed = augment_part(part, EVERYTHING, seed=1, epoch=2)

    assert changed.column("text") == augment_part(part, EVERYTHING, 1, 2).column("text")
    assert changed.column("text") != augment_part(part, EVERYTHING, 1, 3).column("text")
    assert changed.column("text") != augment_part(part, EVERYTHING, 2, 2).column("text")
    assert changed.column("text")[0] != changed.column("text")[1]
    assert changed.column("label") == ["a", "b", "c"]
    assert part.column("text") == texts


@pytest.mark.parametrize(
    ("columns", "changed"),
    [
        pytest.param(("text", "text_pair", "label"), {"text", "text_pair"}, id="both of a pair"),
        pytest.param(("source", "target"), {"source"}, id="the source and not the target"),
        pytest.param(("text",), {"text"}, id="a text"),
    ],
)
def test_what_goes_in_is_changed_and_what_shall_come_out_is_not(
    columns: tuple[str, ...], changed: set[str]
) -> None:
    part = a_part("train", **{name: [TEXT] for name in columns})

    found = augment_part(part, EVERYTHING, 1, 0)

    assert {name for name in columns if found.column(name) != [TEXT]} == changed


AUGMENTED_TASKS = next(e.tasks for e in EFFECTS if e.path == "dataset.augmentation.wordDropout")


@pytest.mark.parametrize("task", AUGMENTED_TASKS)
def test_every_task_that_allows_it_has_a_text_to_change(task: TaskName) -> None:
    needs = TASKS[task].find_needs(a_spec(task).dataset)

    assert {column.role for column in needs.columns} & set(AUGMENTED_ROLES)
