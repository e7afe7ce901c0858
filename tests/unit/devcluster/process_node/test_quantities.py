"""Resource quantities, exactly."""

from __future__ import annotations

from fractions import Fraction

import pytest

from devcluster.process_node.quantities import divide_rounding_up, parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [("2", 2), ("500m", Fraction(1, 2)), ("1.5Gi", 3 * 2**29), ("12k", 12000), ("1e3", 1000)],
)
def test_quantities_are_exact(text: str, value: Fraction) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize("text", ["", "Gi", "1 Gi", "1Xi", "1k3"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no resource quantity"):
        parse_quantity(text)


def test_a_divided_quantity_is_rounded_up() -> None:
    assert divide_rounding_up("1500m", "1") == 2
    assert divide_rounding_up("1Gi", "0") == 2**30
