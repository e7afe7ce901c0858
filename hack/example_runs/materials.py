"""What several examples are made of: the small real BERT, rated snippets of text, rows in files.

The makers call it. Model and snippets come from packages (see demo.prepare_reviews); where rows are
made up, a generator with a fixed seed makes the same ones on every machine.
"""

import io
import json
import os
import random
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from demo import prepare_reviews as reviews

BUILD = Path(__file__).resolve().parents[2] / "build"
Genre = Literal["movieReview", "amazonReview", "nytEditorial", "tweets"]
Row = dict[str, Any]
Item = TypeVar("Item")


def place_model(folder: Path, name: str = "minilm") -> None:
    """Put all-MiniLM-L6-v2, a BERT of six layers, into a folder, without copying its bytes."""
    prepared = reviews.prepare_reviews(BUILD / "reviews-data") / "minilm"
    link(prepared, folder / name)


def link(source: Path, target: Path) -> None:
    """Make a file or folder appear in another place."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        for entry in source.iterdir():
            link(entry, target / entry.name)
    elif not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, target)


def read_snippets(genre: Genre) -> list[tuple[float, str]]:
    """Give the rated snippets of a genre: the mean of twenty people, from -4 to 4, and the text."""
    _, sdist = reviews.download(reviews.find_cache(os.environ))
    stem = genre if genre == "tweets" else f"{genre}Snippets"
    with tarfile.open(sdist) as outer:
        packed = outer.extractfile(reviews.RATINGS_IN_SDIST)
        assert packed is not None
        with tarfile.open(fileobj=packed) as inner:
            text = inner.extractfile(f"hutto_ICWSM_2014/{stem}_GroundTruth.txt")
            assert text is not None
            decoded = io.TextIOWrapper(text, encoding="utf-8", errors="replace")
            found = {text: rating for rating, text in reviews.parse_snippets(decoded)}
    return [(rating, text) for text, rating in found.items()]


def deal(items: Iterable[Item], sizes: Mapping[str, int], seed: int = 0) -> dict[str, list[Item]]:
    """Shuffle items and deal them into parts of so many.

    Raises:
        ValueError: there are too few.
    """
    waiting = list(items)
    if len(waiting) < sum(sizes.values()):
        raise ValueError(
            f"{sum(sizes.values())} items are needed and only {len(waiting)} are there"
        )
    random.Random(seed).shuffle(waiting)
    parts: dict[str, list[Item]] = {}
    for name, size in sizes.items():
        parts[name], waiting = waiting[:size], waiting[size:]
    return parts


def drop_repeated(rows: Iterable[Row], seen: set[str]) -> Iterator[Row]:
    """Leave out the rows that came before, here or in another part; `seen` remembers them."""
    for row in rows:
        key = json.dumps(row)
        if key not in seen:
            seen.add(key)
            yield row


def write_parts(folder: Path, parts: Mapping[str, Sequence[Row]]) -> None:
    """Write each part as JSONL."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in parts.items():
        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
