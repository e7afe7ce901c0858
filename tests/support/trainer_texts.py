"""Rows that a tiny model can learn, for the tasks on texts; made of the words that it knows."""

import random
from collections.abc import Sequence

from trainer_jobs import BAD, GOOD, Row

OTHERS = ("the", "movie", "film", "plot", "cast", "scene", "story", "this", "was", "it", "that")


def make_pairs(count: int, seed: int = 0) -> list[Row]:
    """Make pairs whose label the second text alone decides."""
    generator = random.Random(seed)
    return [
        {
            "text": _make_text(generator, generator.choice((GOOD, BAD)), number),
            "text_pair": _make_text(generator, (GOOD, BAD)[number % 2], number),
            "label": ("praise", "blame")[number % 2],
        }
        for number in range(count)
    ]


def make_mixed_reviews(count: int, seed: int = 0) -> list[Row]:
    """Make reviews that praise, blame, do both or neither."""
    generator = random.Random(seed)
    rows = []
    for number in range(count):
        kinds = [kind for bit, kind in enumerate(("praise", "blame")) if number >> bit & 1]
        words = [
            word
            for kind in kinds
            for word in generator.choices(GOOD if kind == "praise" else BAD, k=2)
        ]
        rows.append({"text": _mix(generator, words, number), "labels": kinds})
    return rows


def make_ratings(count: int, seed: int = 0) -> list[Row]:
    """Make reviews with the number of their good words less that of their bad ones."""
    generator = random.Random(seed)
    rows = []
    for number in range(count):
        good, bad = generator.randint(0, 2), generator.randint(0, 2)
        words = generator.choices(GOOD, k=good) + generator.choices(BAD, k=bad)
        rows.append({"text": _mix(generator, words, number), "label": good - bad})
    return rows


def make_tagged(count: int, seed: int = 0) -> list[Row]:
    """Make sentences with entities: some words begin one, others go on."""
    generator = random.Random(seed)
    rows: list[Row] = []
    for number in range(count):
        tokens, tags = [str(number)], ["O"]
        for words, kind in generator.sample([(GOOD, "GOOD"), (BAD, "BAD")], 2):
            tokens += [generator.choice(words[:4]), *generator.choices(words[4:], k=number % 3)]
            tags += [f"B-{kind}", *[f"I-{kind}"] * (number % 3)]
            tokens += generator.choices(OTHERS, k=2)
            tags += ["O", "O"]
        rows.append({"tokens": tokens, "tags": tags})
    return rows


def make_questions(count: int, seed: int = 0) -> list[Row]:
    """Make contexts with a good word that is asked for; in every third one there is none."""
    generator = random.Random(seed)
    rows = []
    for number in range(count):
        words = [*generator.choices(OTHERS, k=6), generator.choice(BAD), str(number)]
        answer = generator.choice(GOOD) if number % 3 else None
        if answer is not None:
            words.insert(generator.randrange(len(words)), answer)
        context = " ".join(words)
        answers = {
            "text": [answer] if answer else [],
            "answer_start": [context.index(answer)] if answer else [],
        }
        rows.append({"question": "is it good", "context": context, "answers": answers})
    return rows


def _make_text(generator: random.Random, words: Sequence[str], number: int) -> str:
    return _mix(generator, generator.choices(words, k=2), number)


def _mix(generator: random.Random, words: Sequence[str], number: int) -> str:
    """Put words among others; the number makes rows distinct and tells nothing."""
    mixed = [*words, *generator.choices(OTHERS, k=3)]
    generator.shuffle(mixed)
    return " ".join([*mixed, str(number)])
