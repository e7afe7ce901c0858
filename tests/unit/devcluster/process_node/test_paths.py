"""Which texts name a path of the pod, and what becomes of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from devcluster.process_node.paths import PathMap

MAP = PathMap(
    {
        "/data": Path("/local/data"),
        "/data/models": Path("/local/models"),
        "/tmp": Path("/tmp/node/scratch"),
        "/dev/termination-log": Path("/local/last-words"),
        "/slash/": Path("/local/slash"),
    }
)


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        pytest.param("/data", "/local/data", id="the mount itself"),
        pytest.param("/data/a/b", "/local/data/a/b", id="below the mount"),
        pytest.param("/data/models/bert", "/local/models/bert", id="the longest mount wins"),
        pytest.param("/dev/termination-log", "/local/last-words", id="the termination log"),
        pytest.param("/slash/x", "/local/slash/x", id="a mountPath with a trailing slash"),
        pytest.param("--out=/data/x", "--out=/local/data/x", id="value of a flag"),
        pytest.param("/data:/data/models", "/local/data:/local/models", id="a list"),
        pytest.param("cat '/data/x'>/data/y", "cat '/local/data/x'>/local/data/y", id="shell"),
        pytest.param('{"path": "/data"}', '{"path": "/local/data"}', id="JSON"),
        pytest.param("/tmp/x", "/tmp/node/scratch/x", id="only once, though /tmp is in the result"),
    ],
)
def test_a_path_of_the_pod_becomes_the_local_one(text: str, rewritten: str) -> None:
    assert MAP.rewrite(text) == rewritten


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("/database", id="only whole segments"),
        pytest.param("/my/data", id="not in the middle of a path"),
        pytest.param("http://host/data/x", id="not in a URL"),
        pytest.param("s3://data/x", id="not a bucket"),
        pytest.param("data", id="not a word"),
        pytest.param("/data-old", id="not a longer name"),
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert MAP.rewrite(text) == text


def test_a_path_can_be_located() -> None:
    assert MAP.locate("/data/x/") == Path("/local/data/x")
    assert MAP.locate("/elsewhere") is None


def test_a_container_without_mounts_is_left_alone() -> None:
    assert PathMap({}).rewrite("/data") == "/data"
