"""Changed copies of training texts: words left out or swapped, letters mistyped. Pure.

`training.augmenting` asks for them anew in each epoch. What a row becomes follows from the seed,
the epoch and the row alone, and not from the state of a random generator: an attempt that goes on
in the middle of an epoch learns from exactly the texts that an uninterrupted one would have.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from finetune_api.v1alpha1.augmentation import Augmentation
from finetune_trainer.data.tables import Part

AUGMENTED_ROLES = ("text", "text_pair", "source")
"""What goes into a model. What it shall give, such as a target, stays as it is."""
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class TextChanges:
    """What is changed, each with a probability; see spec.dataset.augmentation."""

    word_dropout: float = 0.0
    word_swap: float = 0.0
    character_noise: float = 0.0

    @classmethod
    def of(cls, spec: Augmentation) -> "TextChanges | None":
        """Read spec.dataset.augmentation; None where no text is changed."""
        changes = cls(spec.word_dropout, spec.word_swap, spec.character_noise)
        return None if changes == cls() else changes


def augment_part(part: Part, changes: TextChanges, seed: int, epoch: int) -> Part:
    """Change the texts of a part; its rows keep their places and names."""
    columns = dict(part.table.columns)
    for role in AUGMENTED_ROLES:
        if not part.has(role):
            continue
        changed = list(columns[role])
        for index in part.indices:
            # A string seeds by SHA-512: the same on every machine and version.
            generator = random.Random(f"{seed}/{epoch}/{role}/{index}")
            changed[index] = augment_text(changed[index], changes, generator)
        columns[role] = changed
    return replace(part, table=replace(part.table, columns=columns))


def augment_text(text: str, changes: TextChanges, generator: random.Random) -> str:
    """Change a text; at least one word is left, and the spaces and lines stay where they are."""
    words = _WORD.findall(text)
    gaps = _WORD.split(text)
    kept = _drop_words(len(words), changes.word_dropout, generator)
    gaps = [gaps[0], *(gaps[i + 1] for i in kept)]
    words = _swap_words([words[i] for i in kept], changes.word_swap, generator)
    if changes.character_noise:
        words = [_mistype(word, changes.character_noise, generator) for word in words]
    return gaps[0] + "".join(w + gap for w, gap in zip(words, gaps[1:], strict=True))


def _drop_words(count: int, probability: float, generator: random.Random) -> list[int]:
    if not probability or not count:
        return list(range(count))
    kept = [i for i in range(count) if generator.random() >= probability]
    return kept or [generator.randrange(count)]


def _swap_words(words: list[str], probability: float, generator: random.Random) -> list[str]:
    if not probability:
        return words
    swapped = list(words)
    place = 0
    while place < len(swapped) - 1:
        if generator.random() < probability:
            swapped[place : place + 2] = swapped[place + 1], swapped[place]
            # A word that was swapped stays: it would wander to the end of the text otherwise.
            place += 1
        place += 1
    return swapped


def _mistype(word: str, probability: float, generator: random.Random) -> str:
    letters: Sequence[str] = list(word)
    found: list[str] = []
    place = 0
    while place < len(letters):
        letter, place = letters[place], place + 1
        if not letter.isalpha() or generator.random() >= probability:
            found.append(letter)
            continue
        mistake = generator.choice(("double", "swap", "omit"))
        if mistake == "double":
            found += [letter, letter]
        elif mistake == "swap" and place < len(letters):
            found += [letters[place], letter]
            place += 1
    return "".join(found) or word
