"""Card payments as rows of a table, some of them fraud: made up, with a pattern and some noise."""

import csv
import random
from pathlib import Path

from example_runs.materials import Row, place_model

SHOPS = ("groceries", "fuel", "electronics", "jewellery", "travel", "restaurant", "gift cards")
RISKY = ("electronics", "jewellery", "gift cards")
COUNTRIES = ("Germany", "France", "Spain", "Brazil", "Japan", "Kenya")
NOISE = 0.03
ROWS = {"train": 1000, "validation": 200, "test": 400}


def prepare(folder: Path) -> None:
    """Write minilm/, train.csv, validation.csv and test.csv."""
    place_model(folder)
    generator = random.Random(0)
    for part, count in ROWS.items():
        rows = [_make_row(generator) for _ in range(count)]
        with (folder / f"{part}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def _make_row(generator: random.Random) -> Row:
    home, country = generator.choice(COUNTRIES), generator.choice(COUNTRIES)
    if generator.random() < 0.5:
        country = home
    row: Row = {
        "shop": generator.choice(SHOPS),
        "amount": f"{generator.choice((1, 10, 100)) * generator.uniform(2, 20):.2f}",
        "country": country,
        "home_country": home,
        "hour": generator.randrange(24),
        "card_present": generator.choice(("yes", "no")),
    }
    signs = (
        row["shop"] in RISKY,
        country != home,
        row["hour"] < 6,
        row["card_present"] == "no",
        float(row["amount"]) > 500,
    )
    is_fraud = sum(signs) >= 3
    if generator.random() < NOISE:
        is_fraud = not is_fraud
    return row | {"verdict": "fraud" if is_fraud else "fine"}
