"""Real movie reviews and a real small BERT, from packages."""

from pathlib import Path

from demo.prepare_reviews import prepare_reviews
from example_runs.materials import BUILD, link


def prepare(folder: Path) -> None:
    """Write minilm/, train.csv, validation.csv and test.csv."""
    prepared = prepare_reviews(BUILD / "reviews-data")
    for source in prepared.iterdir():
        link(source, folder / source.name)
