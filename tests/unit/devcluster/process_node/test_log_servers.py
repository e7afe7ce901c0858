"""What part of a log is given."""

from __future__ import annotations

import io

import pytest

from devcluster.process_node.log_servers import find_tail


@pytest.mark.parametrize(
    ("lines", "tail"),
    [(0, b""), (1, b"c\n"), (2, b"b\nc\n"), (9, b"a\nb\nc\n")],
)
def test_the_tail_of_a_log_has_the_lines_asked_for(lines: int, tail: bytes) -> None:
    content = b"a\nb\nc\n"

    assert content[find_tail(io.BytesIO(content), lines) :] == tail
