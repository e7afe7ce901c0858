"""Film reviews with the mean rating that twenty people gave them."""

from pathlib import Path

from example_runs.materials import deal, place_model, read_snippets, write_parts

SIZES = {"train": 1500, "validation": 300, "test": 600}


def prepare(folder: Path) -> None:
    """Write minilm/, train.jsonl, validation.jsonl and test.jsonl."""
    place_model(folder)
    rows = [{"text": text, "rating": rating} for rating, text in read_snippets("movieReview")]
    write_parts(folder, deal(rows, SIZES))
