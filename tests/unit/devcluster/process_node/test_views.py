from pathlib import Path

from devcluster.process_node.views import make_views


def a_folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


def test_the_folder_above_two_mounts_shows_both(tmp_path: Path) -> None:
    one, two = a_folder(tmp_path / "pv1"), a_folder(tmp_path / "pv2")

    views = make_views({"/volumes/a": one, "/volumes/b": two}, tmp_path / "view")

    assert list(views) == ["/volumes"]
    assert (views["/volumes"] / "a").resolve() == one
    assert (views["/volumes"] / "b").resolve() == two


def test_folders_of_the_image_stay_what_they_are(tmp_path: Path) -> None:
    mounts = {path: tmp_path for path in ("/etc/finetune", "/dev/shm", "/tmp", "/scratch")}

    assert make_views(mounts, tmp_path / "view") == {}


def test_a_mount_inside_a_mount_needs_no_view(tmp_path: Path) -> None:
    assert make_views({"/data": tmp_path, "/data/sub/x": tmp_path}, tmp_path / "view") == {}


def test_a_view_can_be_made_again(tmp_path: Path) -> None:
    for volume in ("pv1", "pv2"):
        views = make_views({"/volumes/a": a_folder(tmp_path / volume)}, tmp_path / "view")

    assert (views["/volumes"] / "a").resolve() == tmp_path / "pv2"
