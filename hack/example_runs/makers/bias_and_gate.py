"""The film reviews, with the length of each as a group: short texts may be judged worse than long.

A real job would group by what people differ in, such as dialect, region or age.
"""

import csv
from pathlib import Path

from demo.prepare_reviews import prepare_reviews
from example_runs.materials import BUILD, link

PARTS = {"train.csv": 3000, "validation.csv": 300, "test.csv": 800}
GROUPS = ((12, "short"), (25, "medium"))


def prepare(folder: Path) -> None:
    """Write minilm/, and train.csv, validation.csv and test.csv with the column length."""
    source = prepare_reviews(BUILD / "reviews-data")
    link(source / "minilm", folder / "minilm")
    for name, rows in PARTS.items():
        add_length(source / name, folder / name, rows)


def add_length(source: Path, target: Path, rows: int) -> None:
    """Copy the first rows of a file, with the group of each."""
    with source.open(newline="", encoding="utf-8") as read:
        kept = list(csv.DictReader(read))[:rows]
    with target.open("w", newline="", encoding="utf-8") as written:
        writer = csv.DictWriter(written, ("text", "label", "length"))
        writer.writeheader()
        writer.writerows(row | {"length": name_length(row["text"])} for row in kept)


def name_length(text: str) -> str:
    """Name the group of a text by its words."""
    words = len(text.split())
    return next((name for most, name in GROUPS if words <= most), "long")
