"""The data of the workloads: real texts and images out of packages, models beside them.

Each maker fills an empty folder: model/ and the files of three parts. They share what the examples
are made of, so that nothing is fetched from a hub.
"""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from example_runs.makers import domain_text, images
from example_runs.materials import BUILD, link, place_model

SHORT_ROWS = {"train": 640, "validation": 200, "test": 2000}
LONG_ROWS = {"train": 96, "validation": 8, "test": 16}
SNIPPETS_PER_LONG_TEXT = 28
"""Enough for 512 tokens: what is longer is cut off there."""
STAMP = ".prepared"

Row = dict[str, str]


def prepare(make: Callable[[Path], None], name: str) -> Path:
    """Make the data of a workload unless it is there."""
    folder = BUILD / "benchmarks" / "data" / name
    if not (folder / STAMP).exists():
        folder.mkdir(parents=True, exist_ok=True)
        make(folder)
        (folder / STAMP).touch()
    return folder


def make_short_texts(folder: Path) -> None:
    """Film reviews of a sentence each; half of them positive."""
    place_model(folder, "model")
    for part, count in SHORT_ROWS.items():
        _write(folder / f"{part}.csv", _read(part)[:count])


def make_long_texts(folder: Path) -> None:
    """Reviews of the same label, joined until they fill what the model can read."""
    place_model(folder, "model")
    for part, count in LONG_ROWS.items():
        by_label: defaultdict[str, list[str]] = defaultdict(list)
        for row in _read(part):
            by_label[row["label"]].append(row["text"])
        each = SNIPPETS_PER_LONG_TEXT
        joined = [
            {"text": " ".join(texts[i : i + each]), "label": label}
            for label, texts in by_label.items()
            for i in range(0, len(texts) - each + 1, each)
        ]
        joined.sort(key=lambda row: row["text"])
        _write(folder / f"{part}.csv", joined[:count])


def make_texts(folder: Path) -> None:
    """Film reviews without labels, and a GPT-2 that knows nothing yet."""
    domain_text.prepare(folder)


def make_images(folder: Path) -> None:
    """Digits, and a ResNet that knows nothing yet."""
    images.prepare(folder)
    validation = folder / "validation"
    for number, path in enumerate(sorted((folder / "train").rglob("*.png"))):
        if number % 10 == 0:
            target = validation / path.parent.name / path.name
            link(path, target)
            path.unlink()


def _read(part: str) -> list[Row]:
    reviews = BUILD / "reviews-data" / f"{part}.csv"
    with reviews.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _write(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=("text", "label"))
        writer.writeheader()
        writer.writerows(rows)
