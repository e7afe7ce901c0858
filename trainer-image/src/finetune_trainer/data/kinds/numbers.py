"""Numbers to predict."""

import math
from typing import Any

from finetune_trainer.data.kinds.base import ValueKind


def parse_number(value: Any) -> Any:
    """Read a number that a CSV file holds as text; what is none stays."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    try:
        return float(value)
    except (ValueError, OverflowError):
        return value


def complain_about_number(value: Any) -> str | None:
    """Say what is wrong with a number."""
    if value is None or value == "":
        return "no number"
    if not isinstance(value, float):
        return f"{value!r:.40} where a number belongs"
    return None if math.isfinite(value) else f"the number {value}, which nothing can be near to"


NUMBER = ValueKind(complain_about_number, parse_number)
