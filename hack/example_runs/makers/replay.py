"""Reviews of a shop to learn from, and reviews of films that shall not be forgotten meanwhile."""

from pathlib import Path

from example_runs.materials import Genre, Row, deal, place_model, read_snippets, write_parts

LEAST_RATING = 0.5  # nearer to zero, the twenty people did not agree on the sign
SHOP_ROWS = {"shop": 240, "shop-test": 100}
FILM_ROWS = {"films": 300, "films-test": 100}


def prepare(folder: Path) -> None:
    """Write model/, shop.jsonl, films.jsonl and test.jsonl, which holds both in equal parts."""
    place_model(folder, "model")
    shop = deal(_rate("amazonReview"), SHOP_ROWS)
    films = deal(_rate("movieReview"), FILM_ROWS)
    test = shop["shop-test"] + films["films-test"]
    write_parts(folder, {"shop": shop["shop"], "films": films["films"], "test": test})


def _rate(genre: Genre) -> list[Row]:
    return [
        {"text": text, "label": "positive" if rating > 0 else "negative"}
        for rating, text in read_snippets(genre)
        if abs(rating) >= LEAST_RATING
    ]
