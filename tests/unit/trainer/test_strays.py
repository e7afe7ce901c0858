from pathlib import Path

import pytest

from finetune_trainer.strays import find_strays


def link(place: Path, target: Path) -> Path:
    for folder in (place.parent, target.parent):
        folder.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        target.write_text("content")
    place.symlink_to(target)
    return place


@pytest.mark.parametrize(
    ("place", "target", "is_stray"),
    [
        pytest.param("claim/a/one", "claim/a/two", False, id="in its own folder"),
        pytest.param("claim/a/one", "claim/b/two", False, id="in its claim"),
        pytest.param("claim/a/one", "another/two", True, id="in another claim"),
        pytest.param("claim/a/one", "claim-2/two", True, id="in a claim whose name begins alike"),
        pytest.param("claim/a/one", "/proc/self/environ", True, id="in the kernel"),
        pytest.param("x/snapshots/abc/one", "x/blobs/two", False, id="in the cache of a hub"),
        pytest.param("x/snapshots/abc/one", "x/refs/two", True, id="beside the cache of a hub"),
    ],
)
def test_a_link_may_lead_to_what_belongs_to_its_source(
    tmp_path: Path, place: str, target: str, is_stray: bool
) -> None:
    file = link(tmp_path / place, tmp_path / target)

    assert find_strays([file], tmp_path / "claim") == (["one"] if is_stray else [])


def test_on_a_machine_of_ones_own_only_the_kernels_folders_are_closed(tmp_path: Path) -> None:
    anywhere = link(tmp_path / "a" / "one", tmp_path / "b" / "two")
    kernel = link(tmp_path / "a" / "two", Path("/proc/self/environ"))

    assert find_strays([anywhere, kernel], None) == ["two"]


def test_a_claim_may_itself_be_a_link(tmp_path: Path) -> None:
    """As in a local run, where a folder stands for it."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "rows.csv").write_text("text")
    (tmp_path / "claim").symlink_to(tmp_path / "folder", target_is_directory=True)

    assert find_strays([tmp_path / "claim" / "rows.csv"], tmp_path / "claim") == []
