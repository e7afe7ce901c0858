"""Kubernetes resource quantities ("4", "500m", "16Gi") as fields of the API and as numbers.

The operator passes quantities through unread; the trainer and the admission rules need them as
numbers, to compare a memory limit with an estimate.
"""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

QUANTITY_PATTERN = r"^([0-9]+(\.[0-9]+)?|\.[0-9]+)([KMGTPE]i|[mkMGTPE])?$"
_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL = {"m": "0.001", "k": "1e3", "M": "1e6", "G": "1e9", "T": "1e12", "P": "1e15", "E": "1e18"}


def parse_quantity(text: str | int) -> Decimal:
    """Turn a quantity into a number of its base unit (cores or bytes).

    Raises:
        ValueError: the text is no non-negative quantity.
    """
    match = re.fullmatch(QUANTITY_PATTERN.strip("^$"), str(text))
    if match is None:
        raise ValueError(f"{text!r} is not a quantity; write for example 500m, 4 or 16Gi")
    unit = match[3] or ""
    factor = _BINARY.get(unit, Decimal(_DECIMAL.get(unit, "1")))
    return Decimal(match[1]) * factor


def _check_quantity(value: Any) -> str | int:
    # Before the types are asked: of a union, pydantic would report each of its members.
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"{value!r} is not a quantity; write for example 500m, 4 or 16Gi")
    if parse_quantity(value) <= 0:
        raise ValueError(f"{value!r} must be more than zero")
    return value


class _QuantitySchema:
    """Says "integer or string" in the words that a structural schema understands."""

    def __get_pydantic_json_schema__(
        self, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        del core_schema, handler
        # The digits must hold one that is not zero; CEL cannot bound an integer-or-string cheaply.
        return {
            "x-kubernetes-int-or-string": True,
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": r"^(0*[1-9][0-9]*(\.[0-9]+)?|0*\.[0-9]*[1-9][0-9]*)([KMGTPE]i|[mkMGTPE])?$",
        }


Quantity = Annotated[str | int, BeforeValidator(_check_quantity), _QuantitySchema()]


def is_quantity(value: Any) -> bool:
    """Tell whether `value` reads as a quantity."""
    return isinstance(value, str | int) and re.fullmatch(QUANTITY_PATTERN, str(value)) is not None
