"""The examples, one line each: the stem of the YAML, and what makes its data."""

from collections.abc import Callable
from pathlib import Path

from example_runs.makers import reviews

EXAMPLES: dict[str, Callable[[Path], None]] = {
    "reviews": reviews.prepare,
    "small": reviews.prepare,
}
