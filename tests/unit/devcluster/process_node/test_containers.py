"""What is read of a container when it has ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from devcluster.process_node.containers import compute_message_limit, read_end


def test_a_message_is_cut_from_its_beginning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("0123456789")

    assert read_end(tmp_path / "file", 4) == "6789"
    assert read_end(tmp_path / "absent", 4) == ""


@pytest.mark.parametrize(("containers", "limit"), [(1, 4096), (3, 4096), (6, 2048)])
def test_many_containers_share_the_room_for_messages(containers: int, limit: int) -> None:
    assert compute_message_limit(containers) == limit
