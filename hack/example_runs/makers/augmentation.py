"""Few movie reviews and a real small BERT: 160 rows to learn from."""

import csv
from pathlib import Path

from demo.prepare_reviews import prepare_reviews
from example_runs.materials import BUILD, place_model

ROWS = {"train.csv": 160, "validation.csv": 120, "test.csv": 400}


def prepare(folder: Path) -> None:
    """Write model/, train.csv, validation.csv and test.csv."""
    prepared = prepare_reviews(BUILD / "reviews-data")
    place_model(folder, "model")
    for name, count in ROWS.items():
        write_rows(folder / name, read_rows(prepared / name)[:count])


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
