from collections.abc import Sequence
from pathlib import Path

import pytest

from finetune_api.sources import parse_source
from finetune_trainer.errors import ConfigError, DataError, NotFoundError
from finetune_trainer.stores.downloads import Wanted, fetch_objects, refuse_archives
from trainer_buckets import FakeBucket

FOLDER = {"data/a.csv": b"a", "data/sub/b.csv": b"b", "data/": b"", "database/c.csv": b"c"}


def everything(names: Sequence[str]) -> Sequence[str]:
    return names


def fetch(
    bucket: FakeBucket, scratch: Path, uri: str = "s3://team/data", **versions: str
) -> tuple[Path, dict[str, str]]:
    found = dict(versions)
    wanted = Wanted(parse_source(uri), "dataset.train.source", everything)
    return fetch_objects(wanted, scratch, found, bucket), found


def names_in(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_everything_below_a_prefix_comes_and_nothing_beside_it(tmp_path: Path) -> None:
    folder, _ = fetch(FakeBucket(**FOLDER), tmp_path)

    assert names_in(folder) == ["a.csv", "sub/b.csv"]


def test_an_object_is_a_file(tmp_path: Path) -> None:
    path, _ = fetch(FakeBucket(**FOLDER), tmp_path, "s3://team/data/a.csv")

    assert (path.name, path.read_bytes()) == ("a.csv", b"a")


def test_what_is_here_is_not_sent_again(tmp_path: Path) -> None:
    bucket = FakeBucket(**FOLDER)
    fetch(bucket, tmp_path)
    bucket.changes.clear()

    fetch(bucket, tmp_path)

    assert bucket.changes == []


def test_a_download_that_broke_off_leaves_nothing(tmp_path: Path) -> None:
    bucket = FakeBucket(**FOLDER)

    def fail(kind: str, key: str) -> None:
        if key.endswith("b.csv"):
            raise ConnectionError("gone")

    bucket.fault = fail
    with pytest.raises(ConnectionError):
        fetch(bucket, tmp_path)

    assert names_in(tmp_path) == []


def test_a_later_attempt_gets_the_same_version(tmp_path: Path) -> None:
    bucket = FakeBucket(**FOLDER)
    _, versions = fetch(bucket, tmp_path)

    folder, again = fetch(bucket, tmp_path / "another-pod", **versions)

    assert again == versions
    assert names_in(folder) == ["a.csv", "sub/b.csv"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"data__a.csv": b"x"}, id="another content of one size"),
        pytest.param({"data__c.csv": b"c"}, id="one more object"),
    ],
)
def test_objects_that_changed_between_two_attempts_are_refused(
    tmp_path: Path, change: dict[str, bytes]
) -> None:
    bucket = FakeBucket(**FOLDER)
    _, versions = fetch(bucket, tmp_path)
    bucket.put(**change)

    with pytest.raises(DataError, match="s3://team/data changed since the first attempt"):
        fetch(bucket, tmp_path, **versions)


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"dataset\.train\.source s3://team/dat is not there"):
        fetch(FakeBucket(**FOLDER), tmp_path, "s3://team/dat")


@pytest.mark.parametrize("name", ["../up.csv", "a/../../up.csv", "/etc/up.csv", "a\\..\\up.csv"])
def test_no_object_leaves_its_folder(tmp_path: Path, name: str) -> None:
    bucket = FakeBucket(**{f"data/{name}": b"up"})

    with pytest.raises(DataError, match="would not stay in its folder"):
        fetch(bucket, tmp_path / "scratch")

    assert names_in(tmp_path) == []


def test_archives_are_not_unpacked() -> None:
    with pytest.raises(ConfigError, match=r"nothing but archives \(train\.tar\.gz\)"):
        refuse_archives(["train.tar.gz"], "dataset.train.source", "s3://team/data")

    refuse_archives(["old.zip", "train.csv"], "dataset.train.source", "s3://team/data")
