import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from finetune_trainer.checkpoints.identity import Identity
from finetune_trainer.checkpoints.store import CheckpointStore
from finetune_trainer.checkpoints.writers import Writers
from finetune_trainer.errors import StorageFullError, TransientError
from trainer_damages import CORRUPTIONS

OURS = Identity("uid", "config", "data")
PLENTY = 10**12


def a_store(folder: Path, identity: Identity = OURS, keep: int = 2) -> CheckpointStore:
    return CheckpointStore(folder, identity, keep=keep, free_bytes=lambda _: PLENTY)


def save(store: CheckpointStore, *steps: int) -> None:
    for step in steps:
        with store.writing(step) as folder:
            (folder / "model.safetensors").write_bytes(b"w" * 1000)
            (folder / "optimizer.pt").write_bytes(b"o" * 2000)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_without_a_checkpoint_training_begins_anew(tmp_path: Path) -> None:
    assert a_store(tmp_path).find_newest() is None


def test_the_newest_is_found_by_its_step_and_not_by_its_name(tmp_path: Path) -> None:
    save(a_store(tmp_path), 9, 10)

    found = a_store(tmp_path).find_newest()

    assert found is not None
    assert found.about["step"] == 10


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    save(a_store(tmp_path, keep=2), 1, 2, 3, 4)

    assert names(tmp_path) == ["checkpoint-3", "checkpoint-4"]


def test_a_checkpoint_of_the_same_step_is_replaced(tmp_path: Path) -> None:
    save(a_store(tmp_path), 5, 5)

    assert names(tmp_path) == ["checkpoint-5"]


def test_a_broken_one_is_set_aside_and_the_one_before_is_used(tmp_path: Path) -> None:
    save(a_store(tmp_path), 1, 2)
    (tmp_path / "checkpoint-2" / "optimizer.pt").write_bytes(b"o" * 1999)
    store = a_store(tmp_path)

    found = store.find_newest()

    assert found is not None
    assert found.about["step"] == store.newest_step == 1
    assert names(tmp_path) == ["bad-checkpoint-2", "checkpoint-1"]
    assert store.warnings == [
        "CheckpointCorrupt: checkpoint-2 is not used: optimizer.pt has 1999 of 2000 bytes; it was"
        " renamed to bad-checkpoint-2"
    ]


@pytest.mark.parametrize(
    "damage", [pytest.param(damage, id=name) for name, damage in CORRUPTIONS.items()]
)
def test_every_kind_of_damage_is_noticed(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    save(a_store(tmp_path), 1, 2)
    damage(tmp_path / "checkpoint-2")
    store = a_store(tmp_path)

    found = store.find_newest()

    assert found is not None
    assert found.about["step"] == 1
    assert names(tmp_path) == ["bad-checkpoint-2", "checkpoint-1"]
    (warning,) = store.warnings
    assert warning.startswith("CheckpointCorrupt: checkpoint-2 is not used: ")


def test_going_back_before_a_step_removes_what_will_come_again(tmp_path: Path) -> None:
    save(a_store(tmp_path, keep=3), 1, 2, 3)
    store = a_store(tmp_path)

    found = store.find_newest(before=2)

    assert found is not None
    assert found.about["step"] == store.newest_step == 1
    assert names(tmp_path) == ["checkpoint-1"]


def test_what_was_set_aside_makes_room_first(tmp_path: Path) -> None:
    def free(folder: Path) -> int:
        return 10_000 - 3_500 * len(list(folder.glob("*checkpoint-?")))

    save(a_store(tmp_path), 1, 2)
    (tmp_path / "checkpoint-2" / "optimizer.pt").unlink()
    store = CheckpointStore(tmp_path, OURS, keep=2, free_bytes=free)
    store.find_newest()

    save(store, 2)

    assert names(tmp_path) == ["checkpoint-1", "checkpoint-2"]


def test_nothing_is_published_once_another_pod_writes(tmp_path: Path) -> None:
    def refuse() -> None:
        raise TransientError("another pod writes")

    store = CheckpointStore(tmp_path, OURS, keep=2, writers=Writers(may_publish=refuse))

    with pytest.raises(TransientError):
        save(store, 1)
    assert names(tmp_path) == []


def test_when_all_are_broken_training_begins_anew(tmp_path: Path) -> None:
    save(a_store(tmp_path), 1, 2)
    for step in (1, 2):
        (tmp_path / f"checkpoint-{step}" / "manifest.json").unlink()

    assert a_store(tmp_path).find_newest() is None


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Identity("other", "config", "data"), id="another job"),
        pytest.param(Identity("uid", "other", "data"), id="another configuration"),
        pytest.param(Identity("uid", "config", "other"), id="other data"),
    ],
)
def test_a_checkpoint_that_is_not_ours_is_not_opened(tmp_path: Path, other: Identity) -> None:
    save(a_store(tmp_path, other), 1)

    assert a_store(tmp_path).find_newest() is None
    assert names(tmp_path) == ["bad-checkpoint-1"]


def test_what_a_killed_writer_left_is_no_checkpoint(tmp_path: Path) -> None:
    save(a_store(tmp_path), 1)
    shutil.copytree(tmp_path / "checkpoint-1", tmp_path / ".tmp-checkpoint-2-77")

    found = a_store(tmp_path).find_newest()

    assert found is not None
    assert found.about["step"] == 1
    assert names(tmp_path) == ["checkpoint-1"]


def test_a_disk_that_fills_up_while_writing_leaves_the_last_good_one(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    save(store, 1)

    def fill_the_disk() -> None:
        with store.writing(2) as folder:
            (folder / "model.safetensors").write_bytes(b"w" * 10)
            raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full"):
        fill_the_disk()

    assert names(tmp_path) == ["checkpoint-1"]
    assert a_store(tmp_path).find_newest() is not None


def test_too_little_room_is_told_before_writing(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, OURS, keep=2, free_bytes=lambda _: 2000)
    store_with_room = a_store(tmp_path)
    save(store_with_room, 1)
    assert store.find_newest() is not None

    with pytest.raises(StorageFullError, match="the last good checkpoint stays"):
        save(store, 2)

    assert names(tmp_path) == ["checkpoint-1"]


def test_older_checkpoints_make_room(tmp_path: Path) -> None:
    def free(folder: Path) -> int:
        return 10_000 - 3_500 * len(list(folder.glob("checkpoint-*")))

    store = CheckpointStore(tmp_path, OURS, keep=3, free_bytes=free)

    save(store, 1, 2, 3)

    assert names(tmp_path) == ["checkpoint-2", "checkpoint-3"]


def test_the_first_checkpoint_is_weighed_by_the_size_of_the_model(tmp_path: Path) -> None:
    store = CheckpointStore(tmp_path, OURS, keep=2, expected_bytes=5000, free_bytes=lambda _: 4000)

    with pytest.raises(StorageFullError):
        save(store, 1)
