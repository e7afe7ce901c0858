"""Movie reviews as people hand them over: torn lines, empty texts, copies, a leak, wrong labels."""

import json
from pathlib import Path

from demo.prepare_reviews import prepare_reviews
from example_runs.makers.augmentation import read_rows, write_rows
from example_runs.materials import BUILD, place_model

TRAIN_ROWS = 400
TEST_ROWS = 200
OPPOSITE = {"positive": "negative", "negative": "positive"}


def prepare(folder: Path) -> None:
    """Write model/, train.jsonl and test.csv."""
    prepared = prepare_reviews(BUILD / "reviews-data")
    place_model(folder, "model")
    rows = read_rows(prepared / "train.csv")[:TRAIN_ROWS]
    test = read_rows(prepared / "test.csv")[:TEST_ROWS]
    lines = [json.dumps(row, ensure_ascii=False) for row in [*rows, *_spoil(rows, test)]]
    lines[99] = lines[99][:-9]
    lines[199] = json.dumps({"text": " ", "label": "positive"})
    lines[299] = json.dumps({"text": rows[299]["text"]})
    (folder / "train.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_rows(folder / "test.csv", test)


def _spoil(rows: list[dict[str, str]], test: list[dict[str, str]]) -> list[dict[str, str]]:
    """Give copies, one of them in capitals, a text with another label, and a row of the test."""
    copies = [rows[0], {**rows[1], "text": rows[1]["text"].upper()}]
    torn = {"text": rows[2]["text"], "label": OPPOSITE[rows[2]["label"]]}
    return [*copies, torn, test[0]]
