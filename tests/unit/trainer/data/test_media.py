from pathlib import Path
from typing import Any

import pytest

from finetune_trainer.data import media
from finetune_trainer.data.columns import Column
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.media import Media, place_media, place_table
from finetune_trainer.data.tables import Origin, Table


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "birds").mkdir(parents=True)
    (folder / "birds" / "1.png").write_bytes(b"robin")
    (tmp_path / "secret").write_bytes(b"token")
    return folder


@pytest.mark.parametrize(
    ("value", "content"),
    [
        pytest.param("birds/1.png", b"robin", id="a path beside the data"),
        pytest.param(" ./birds/1.png ", b"robin", id="a path written in another way"),
        pytest.param({"path": "birds/1.png", "bytes": None}, b"robin", id="a path of a hub"),
        pytest.param({"path": "2.png", "bytes": b"wren"}, b"wren", id="bytes of a hub"),
        pytest.param(b"wren", b"wren", id="bytes alone"),
    ],
)
def test_the_bytes_of_a_value_are_found(folder: Path, value: Any, content: bytes) -> None:
    placed = place_media(value, folder)

    assert placed.problem is None
    assert placed.read() == content


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        pytest.param("birds/2.png", "is not there", id="a missing file"),
        pytest.param("birds", "is not there", id="a folder"),
        pytest.param("../secret", "leads out of the folder of the data", id="a path that climbs"),
        pytest.param("link.png", "leads out of the folder of the data", id="a link that climbs"),
        pytest.param("/etc/hostname", "is no path beside the data", id="an absolute path"),
        pytest.param("https://x.org/1.png", "is an address", id="an address"),
    ],
)
def test_what_may_not_be_read_is_not_read(folder: Path, name: str, problem: str) -> None:
    (folder / "link.png").symlink_to(folder.parent / "secret")

    placed = place_media(name, folder)

    assert problem in (placed.problem or "")
    assert placed.read() == b""


def test_a_file_of_an_absurd_size_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "MAX_BYTES", 4)

    assert place_media("birds/1.png", folder).problem == "has 0 MiB; 0 are the most"


def test_a_path_without_files_beside_it_is_refused() -> None:
    assert place_media("birds/1.png", None).problem == "is no path beside the data"


@pytest.mark.parametrize("value", [None, "", 3, ["birds/1.png"]])
def test_what_is_neither_path_nor_bytes_stays_for_the_complaint(folder: Path, value: Any) -> None:
    assert place_media(value, folder) == value


def test_only_columns_of_images_and_sounds_are_placed(folder: Path) -> None:
    table = Table({"image": ["birds/1.png"], "label": ["robin"]}, (Origin("a.csv", 0),))
    columns = (Column("image", Kind.IMAGE), Column("label", Kind.LABEL))

    placed = place_table(table, columns, folder)

    assert isinstance(placed.columns["image"][0], Media)
    assert placed.columns["label"] == ["robin"]
