import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from finetune_trainer import sealing
from finetune_trainer.sealing import BrokenSealError

NAME = "manifest.json"


def seal_one(final: Path, content: bytes = b"weights") -> Path:
    with sealing.writing_aside(final) as folder:
        (folder / "model.bin").write_bytes(content)
        (folder / "sub").mkdir()
        (folder / "sub" / "config.json").write_text("{}")
        sealing.seal(folder, NAME, {"step": 3})
        sealing.publish(folder, final)
    return final


def test_a_sealed_folder_agrees_with_its_manifest(tmp_path: Path) -> None:
    sealed = sealing.verify(seal_one(tmp_path / "one"), NAME)

    assert sealed.about == {"step": 3}
    assert set(sealed.files) == {"model.bin", "sub/config.json"}
    assert sealed.bytes == len("weights") + len("{}")


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "sub/../../secret"])
def test_a_manifest_cannot_name_files_elsewhere(tmp_path: Path, name: str) -> None:
    """What it names is published: a forged one would send what belongs to others."""
    folder = seal_one(tmp_path / "one")
    (tmp_path / "secret").write_text("mine")
    manifest = json.loads((folder / NAME).read_text())
    manifest["files"][name] = {"bytes": 4, "sha256": "0" * 64}
    (folder / NAME).write_text(json.dumps(manifest))

    with pytest.raises(BrokenSealError, match="which is not in the folder"):
        sealing.read_manifest(folder, NAME)


def test_a_link_is_no_sealed_file(tmp_path: Path) -> None:
    folder = seal_one(tmp_path / "one")
    (folder / "model.bin").rename(tmp_path / "model.bin")
    (folder / "model.bin").symlink_to(tmp_path / "model.bin")

    with pytest.raises(BrokenSealError, match=r"model\.bin is missing"):
        sealing.verify(folder, NAME)


def truncate(folder: Path) -> None:
    (folder / "model.bin").write_bytes(b"weig")


def flip_a_bit(folder: Path) -> None:
    (folder / "model.bin").write_bytes(b"weightr")


def remove_a_file(folder: Path) -> None:
    (folder / "sub" / "config.json").unlink()


def empty_a_file(folder: Path) -> None:
    (folder / "model.bin").write_bytes(b"")


def remove_the_manifest(folder: Path) -> None:
    (folder / NAME).unlink()


def cut_the_manifest(folder: Path) -> None:
    (folder / NAME).write_bytes((folder / NAME).read_bytes()[:40])


def falsify_a_hash(folder: Path) -> None:
    text = (folder / NAME).read_text()
    first = sealing.read_manifest(folder, NAME).files["model.bin"]["sha256"]
    (folder / NAME).write_text(text.replace(first, "0" * 64))


def empty_the_manifest(folder: Path) -> None:
    (folder / NAME).write_text("{}")


DAMAGES: list[tuple[Callable[[Path], None], str]] = [
    (truncate, "has 4 of 7 bytes"),
    (flip_a_bit, "does not have the SHA-256"),
    (remove_a_file, "sub/config.json is missing"),
    (empty_a_file, "has 0 of 7 bytes"),
    (remove_the_manifest, "manifest.json is missing"),
    (cut_the_manifest, "manifest.json cannot be read"),
    (falsify_a_hash, "does not have the SHA-256"),
    (empty_the_manifest, "manifest.json cannot be read"),
]


@pytest.mark.parametrize(
    ("damage", "problem"), [pytest.param(d, p, id=d.__name__) for d, p in DAMAGES]
)
def test_every_damage_is_found(
    tmp_path: Path, damage: Callable[[Path], None], problem: str
) -> None:
    folder = seal_one(tmp_path / "one")

    damage(folder)

    with pytest.raises(BrokenSealError, match=problem):
        sealing.verify(folder, NAME)


def test_what_fails_half_way_leaves_nothing_and_the_old_one_in_place(tmp_path: Path) -> None:
    final = seal_one(tmp_path / "one", b"old")

    def fail_half_way() -> None:
        with sealing.writing_aside(final) as folder:
            (folder / "model.bin").write_bytes(b"ne")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail_half_way()

    assert (final / "model.bin").read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [final]


def test_a_new_folder_replaces_the_old_one(tmp_path: Path) -> None:
    final = seal_one(tmp_path / "one", b"old")

    seal_one(final, b"new")

    assert (final / "model.bin").read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [final]


def test_leftovers_of_a_killed_writer_are_swept_and_others_are_not(tmp_path: Path) -> None:
    (tmp_path / ".tmp-model-17").mkdir()
    (tmp_path / ".old-model-17").mkdir()
    (tmp_path / ".tmp-other-18").mkdir()

    sealing.sweep_leftovers(tmp_path, "model")

    assert [path.name for path in tmp_path.iterdir()] == [".tmp-other-18"]


def test_a_durable_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "pins.json"
    sealing.write_durably(path, b"old")

    sealing.write_durably(path, b"new")

    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_while_removing_leaves_no_half_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = seal_one(tmp_path / "one")
    with monkeypatch.context() as killed:
        killed.setattr(shutil, "rmtree", lambda *_, **__: None)
        sealing.retire(folder)

    assert not folder.exists()
    assert list(tmp_path.iterdir())
    sealing.sweep_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []
