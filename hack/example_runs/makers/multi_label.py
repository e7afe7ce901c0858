"""Snippets of four kinds, each with its kind and, where people agreed on one, its mood."""

from pathlib import Path

from demo.prepare_reviews import choose_label
from example_runs.materials import Genre, Row, deal, place_model, read_snippets, write_parts

KINDS: dict[Genre, str] = {
    "movieReview": "film",
    "amazonReview": "product",
    "nytEditorial": "news",
    "tweets": "tweet",
}
MOODS = {"positive": ["praise"], "negative": ["blame"], None: []}
SIZES = {"train": 300, "validation": 60, "test": 120}
"""Rows of each kind."""


def prepare(folder: Path) -> None:
    """Write minilm/, train.jsonl, validation.jsonl and test.jsonl."""
    place_model(folder)
    parts: dict[str, list[Row]] = {name: [] for name in SIZES}
    for genre, kind in KINDS.items():
        rows: list[Row] = [
            {"text": text, "labels": [kind, *MOODS[choose_label(rating)]]}
            for rating, text in read_snippets(genre)
        ]
        for name, dealt in deal(rows, SIZES).items():
            parts[name] += dealt
    write_parts(folder, parts)
