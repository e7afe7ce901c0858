"""Real movie reviews and a real small BERT, from packages."""

import os
from pathlib import Path

from demo.prepare_reviews import prepare_reviews

BUILD = Path(__file__).resolve().parents[3] / "build"


def prepare(folder: Path) -> None:
    """Write minilm/, train.csv, validation.csv and test.csv."""
    prepared = prepare_reviews(BUILD / "reviews-data")
    for source in prepared.iterdir():
        link(source, folder / source.name)


def link(source: Path, target: Path) -> None:
    """Make a file or folder appear in another place without copying its bytes."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        for entry in source.iterdir():
            link(entry, target / entry.name)
    elif not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, target)
