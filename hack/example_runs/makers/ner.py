"""Sentences about people, companies and places; the test part names new ones."""

import itertools
import random
from pathlib import Path

from example_runs.materials import Row, drop_repeated, place_model, write_parts

NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "train": {
        "PER": (
            *("Ada Lovelace", "Alan Turing", "Grace Hopper", "Marie Curie", "John Smith"),
            *("Maria Garcia", "Peter Novak", "Anna Weber", "James Brown", "Lucia Rossi"),
            *("Tom", "Sophie", "David", "Elena", "Mohammed"),
        ),
        "ORG": (
            *("Acme", "Northwind Bank", "General Motors", "Siemens", "Blue River Foods"),
            *("Stanford University", "Toyota", "the Red Cross", "Sony", "Harbor Airlines"),
        ),
        "LOC": (
            *("London", "Paris", "New York", "Tokyo", "Berlin", "Cairo", "South Africa"),
            *("Brazil", "Lake Geneva", "Madrid", "Canada", "the Alps"),
        ),
    },
    "test": {
        "PER": (
            *("Isaac Newton", "Emma Watson", "Carlos Lopez", "Julia Klein", "Robert Miller"),
            *("Sarah", "Paul", "Nina Petrova", "Ahmed Hassan", "Rosa Parks"),
        ),
        "ORG": (
            *("Microsoft", "Silver Lake Bank", "Harvard University", "Nokia", "Boeing"),
            *("Green Valley Farms", "the World Bank", "Volkswagen"),
        ),
        "LOC": ("Rome", "San Francisco", "Vienna", "India", "Lisbon", "Mexico", "the Rhine"),
    },
}
SENTENCES = (
    "{PER} works for {ORG} in {LOC} .",
    "{ORG} opened an office in {LOC} last year .",
    "{PER} was born in {LOC} and moved to {LOC} .",
    "Yesterday {PER} met {PER} at the station of {LOC} .",
    "{ORG} and {ORG} will build a bridge near {LOC} .",
    "The report by {PER} surprised {ORG} .",
    "In {LOC} , the weather was fine .",
    "{PER} , who founded {ORG} , lives in {LOC} .",
    "Shares of {ORG} fell by four percent .",
    "The meeting was long and nobody learned anything new .",
    "According to {PER} , {ORG} pays better than {ORG} .",
)
ROWS = {"train": 700, "validation": 120, "test": 250}


def prepare(folder: Path) -> None:
    """Write minilm/, train.jsonl, validation.jsonl and test.jsonl."""
    place_model(folder)
    generator = random.Random(0)
    seen: set[str] = set()
    parts = {}
    for part, count in ROWS.items():
        names = NAMES["test" if part == "test" else "train"]
        # Without end: the sentences with three names alone make thousands of rows.
        made = (_make_row(names, generator) for _ in itertools.count())
        parts[part] = list(itertools.islice(drop_repeated(made, seen), count))
    write_parts(folder, parts)


def _make_row(names: dict[str, tuple[str, ...]], generator: random.Random) -> Row:
    tokens: list[str] = []
    tags: list[str] = []
    for word in generator.choice(SENTENCES).split():
        kind = word.strip("{}")
        if kind == word:
            tokens.append(word)
            tags.append("O")
            continue
        name = generator.choice(names[kind]).split()
        tokens += name
        tags += [f"{'I' if place else 'B'}-{kind}" for place in range(len(name))]
    return {"tokens": tokens, "tags": tags}
