"""Pairs of questions that customers ask: do they want the same?

The test part holds wordings that the training part has never seen.
"""

import itertools
import random
from collections.abc import Sequence
from pathlib import Path

from example_runs.materials import Row, drop_repeated, place_model, write_parts

WORDINGS: dict[str, tuple[str, ...]] = {
    "track": (
        "Where is my parcel?",
        "When will my order arrive?",
        "Can I track my delivery?",
        "My package has not come yet, where is it?",
        "How do I follow my shipment?",
        "What is the status of my delivery?",
        "Has my order been sent already?",
        "I am still waiting for my parcel.",
    ),
    "return": (
        "How can I return an item?",
        "I want to send this back.",
        "Where do I find the return label?",
        "Can I return shoes that do not fit?",
        "What is your return policy?",
        "How long do I have to send something back?",
        "I would like to give this product back.",
        "Please tell me how to ship an item back to you.",
    ),
    "refund": (
        "When do I get my money back?",
        "I have not received my refund.",
        "How long does a refund take?",
        "You still owe me the money for my order.",
        "Has my refund been paid out?",
        "My money has not been returned to my account.",
        "Why is my refund so late?",
        "I am waiting to be paid back.",
    ),
    "password": (
        "I forgot my password.",
        "How do I reset my password?",
        "I cannot log in to my account.",
        "My login does not work any more.",
        "Please send me a new password.",
        "The site says that my password is wrong.",
        "I am locked out of my account.",
        "How can I sign in if I lost my password?",
    ),
    "address": (
        "How do I change my address?",
        "I have moved, please update my address.",
        "Can you ship to another address?",
        "I entered the wrong street in my order.",
        "Where can I edit my delivery address?",
        "My order goes to my old flat, can you change that?",
        "I would like to correct the place of delivery.",
        "Please use my new address from now on.",
    ),
    "cancel": (
        "How do I cancel my order?",
        "I no longer want what I ordered.",
        "Please stop my order.",
        "Can I still cancel?",
        "I ordered by mistake, cancel it please.",
        "I changed my mind about my purchase.",
        "Is it too late to call off my order?",
        "Do not send my order, I do not need it.",
    ),
}
PARTS = {"train": slice(0, 5), "validation": slice(3, 6), "test": slice(6, 8)}
OPENINGS = ("", "Hello, ", "Hi there! ", "Dear team, ", "Good morning. ", "Quick question: ")
PAIRS = {"train": 900, "validation": 150, "test": 240}


def prepare(folder: Path) -> None:
    """Write minilm/, train.jsonl, validation.jsonl and test.jsonl."""
    place_model(folder)
    generator = random.Random(0)
    seen: set[str] = set()
    write_parts(folder, {name: _make_pairs(name, generator, seen) for name in PARTS})


def _make_pairs(part: str, generator: random.Random, seen: set[str]) -> list[Row]:
    """Make as many pairs that mean the same as pairs that do not."""
    known = {wish: texts[PARTS[part]] for wish, texts in WORDINGS.items()}
    same = [pair for texts in known.values() for pair in itertools.combinations(texts, 2)]
    others = [
        (one, other)
        for first, second in itertools.combinations(known.values(), 2)
        for one in first
        for other in second
    ]
    half = PAIRS[part] // 2
    rows: list[Row] = []
    for pairs, label in ((same, "same"), (others, "other")):
        made = (_make_row(pairs, label, generator) for _ in itertools.count())
        rows += itertools.islice(drop_repeated(made, seen), half)
    generator.shuffle(rows)
    return rows


def _make_row(pairs: Sequence[tuple[str, str]], label: str, generator: random.Random) -> Row:
    texts = list(generator.choice(pairs))
    generator.shuffle(texts)
    first, second = (generator.choice(OPENINGS) + text for text in texts)
    return {"question": first, "other_question": second, "label": label}
