"""Which pods a new node finds that are not its own."""

from __future__ import annotations

import pytest

from devcluster.process_node.pods import is_left_over


@pytest.mark.parametrize(
    ("status", "is_old"),
    [
        pytest.param({"phase": "Pending"}, False, id="just bound"),
        pytest.param({"phase": "Running", "startTime": "t"}, True, id="started before us"),
        pytest.param({"phase": "Failed", "startTime": "t"}, False, id="over"),
    ],
)
def test_pods_of_a_former_life_are_recognised(status: dict[str, str], is_old: bool) -> None:
    assert is_left_over({"status": status}) is is_old
