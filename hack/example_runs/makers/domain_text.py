"""Real film reviews, as texts alone, and a GPT-2 that knows nothing yet."""

from pathlib import Path

from example_runs.materials import deal, read_snippets, write_parts
from example_runs.toy_models import make_writer

ROWS = {"train": 2400, "validation": 200, "test": 300}


def prepare(folder: Path) -> None:
    """Write model/, train.jsonl, validation.jsonl and test.jsonl."""
    texts = [text for _, text in read_snippets("movieReview")]
    parts = deal([{"text": text} for text in texts], ROWS)
    write_parts(folder, parts)
    make_writer(folder / "model", (row["text"] for row in parts["train"]))
