from decimal import Decimal

import pytest

from finetune_api.quantities import is_quantity, parse_quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500m", "0.5"),
        ("4", "4"),
        (4, "4"),
        ("1Ki", "1024"),
        ("1.5G", "1.5e9"),
        ("16Gi", str(16 * 2**30)),
    ],
)
def test_a_quantity_becomes_a_number(text: str | int, number: str) -> None:
    assert parse_quantity(text) == Decimal(number)


@pytest.mark.parametrize("text", ["lots", "Gi", "-1", "1 Gi", "", "1e3"])
def test_what_is_no_quantity_is_refused_with_its_value(text: str) -> None:
    assert not is_quantity(text)
    with pytest.raises(ValueError, match="is not a quantity; write for example"):
        parse_quantity(text)
