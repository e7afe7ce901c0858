"""German sentences about animals and their English translations; the verb changes its place."""

import random
from pathlib import Path

from example_runs.materials import Row, write_parts
from example_runs.toy_models import make_translator

NOUNS = (
    *(("Hund", "dog"), ("Vogel", "bird"), ("Fuchs", "fox"), ("Igel", "hedgehog")),
    *(("Wolf", "wolf"), ("Frosch", "frog"), ("Hase", "hare"), ("Rabe", "raven")),
)
ADJECTIVES = (
    *(("alte", "old"), ("junge", "young"), ("graue", "grey"), ("schnelle", "fast")),
    *(("müde", "tired"), ("freche", "cheeky")),
)
VERBS = (
    *(("schläft", "sleeps"), ("singt", "sings"), ("wartet", "waits"), ("tanzt", "dances")),
    *(("lacht", "laughs"), ("schwimmt", "swims")),
)
ROWS = {"train": 1200, "validation": 150, "test": 200}


def prepare(folder: Path) -> None:
    """Write model/, a T5 that knows nothing yet, train.jsonl, validation.jsonl and test.jsonl."""
    generator = random.Random(0)
    pairs: dict[str, str] = {}
    while len(pairs) < sum(ROWS.values()):
        source, target = _make_sentence(generator)
        pairs[source] = target
    waiting = [{"source": source, "target": target} for source, target in pairs.items()]
    parts: dict[str, list[Row]] = {}
    for name, size in ROWS.items():
        parts[name], waiting = waiting[:size], waiting[size:]
    write_parts(folder, parts)
    make_translator(folder / "model", (text for row in parts["train"] for text in row.values()))


def _make_sentence(generator: random.Random) -> tuple[str, str]:
    first, other = generator.sample(NOUNS, 2)
    like, unlike = generator.sample(ADJECTIVES, 2)
    does, did = generator.sample(VERBS, 2)
    return (
        f"Der {like[0]} {first[0]} {does[0]}, weil der {unlike[0]} {other[0]} nicht {did[0]}.",
        f"The {like[1]} {first[1]} {does[1]} because the {unlike[1]} {other[1]} never {did[1]}.",
    )
