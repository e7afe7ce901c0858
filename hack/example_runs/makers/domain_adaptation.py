"""Real film reviews, as texts alone, and a real small BERT that was made for something else."""

from pathlib import Path

from example_runs.materials import deal, place_model, read_snippets, write_parts

ROWS = {"train": 1000, "validation": 100, "test": 200}


def prepare(folder: Path) -> None:
    """Write minilm/, train.jsonl, validation.jsonl and test.jsonl."""
    place_model(folder)
    texts = [text for _, text in read_snippets("movieReview")]
    write_parts(folder, deal([{"text": text} for text in texts], ROWS))
