"""Reads resource quantities such as `500m` and `2Gi`, for the downward API."""

from __future__ import annotations

import math
import re
from fractions import Fraction

_QUANTITY = re.compile(r"(?P<number>[+-]?[0-9.]+)(?P<suffix>[a-zA-Z]*)(?P<exponent>[+-]?[0-9]*)")

_FACTORS: dict[str, Fraction] = {
    "": Fraction(1),
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    **{suffix: Fraction(1000**power) for power, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Fraction(1024**power) for power, suffix in enumerate("KMGTPE", start=1)},
}


def parse_quantity(text: str) -> Fraction:
    """Parse a quantity exactly.

    Raises:
        ValueError: it is none.
    """
    match = _QUANTITY.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is no resource quantity")
    number = Fraction(match["number"])
    if match["suffix"] in ("e", "E") and match["exponent"]:
        return number * Fraction(10) ** int(match["exponent"])
    if match["exponent"] or match["suffix"] not in _FACTORS:
        raise ValueError(f"{text!r} is no resource quantity")
    return number * _FACTORS[match["suffix"]]


def divide_rounding_up(quantity: str, divisor: str) -> int:
    """Give how often the divisor fits in, rounded up, as resourceFieldRef does; divisor 0 is 1."""
    return math.ceil(parse_quantity(quantity) / (parse_quantity(divisor) or 1))
