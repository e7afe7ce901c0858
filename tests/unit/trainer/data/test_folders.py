from collections.abc import Sequence
from pathlib import Path

import pytest

from finetune_trainer.data.folders import read_folder
from finetune_trainer.data.tables import Table
from finetune_trainer.errors import DataError, NotFoundError

WANTED = {"image": "image", "label": "label"}


def fill(folder: Path, names: Sequence[str]) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def read(folder: Path, wanted: dict[str, str] = WANTED, form: str = "ImageFolder") -> Table:
    return read_folder(folder, form, wanted, "dataset.train")


def test_the_folder_of_a_file_is_its_label(tmp_path: Path) -> None:
    names = ["wren/b.png", "robin/2019/a.JPG", "wren/a.png", ".cache/x.png", "wren/Thumbs.db"]

    table = read(fill(tmp_path, names))

    assert table.columns == {
        "image": ["robin/2019/a.JPG", "wren/a.png", "wren/b.png"],
        "label": ["robin", "wren", "wren"],
    }


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("metadata.csv", "file_name,species\na.png,robin\n", id="CSV"),
        pytest.param("metadata.jsonl", '{"file_name": "a.png", "species": "robin"}\n', id="JSONL"),
    ],
)
def test_a_list_beside_the_files_names_them_and_their_columns(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)

    table = read(fill(tmp_path, ["a.png"]), {"image": "image", "label": "species"})

    assert table.columns == {"image": ["a.png"], "label": ["robin"]}


def test_sounds_have_endings_of_their_own(tmp_path: Path) -> None:
    wanted = {"audio": "audio", "label": "label"}

    table = read(fill(tmp_path, ["open/1.wav", "shut/2.flac"]), wanted, "AudioFolder")

    assert table.columns["label"] == ["open", "shut"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        pytest.param([], "holds no image files", id="nothing"),
        pytest.param(["a.png"], "holds a.png: only image files", id="a file without a label"),
        pytest.param(
            ["x/1.heic", "x/2.heic", "x/3.heic", "x/4.heic"],
            "holds x/1.heic, x/2.heic, x/3.heic and 1 more",
            id="an unknown format",
        ),
        pytest.param(
            ["metadata.csv", "metadata.jsonl"], "metadata.csv and metadata.jsonl", id="two lists"
        ),
    ],
)
def test_a_folder_of_something_else_is_refused(
    tmp_path: Path, names: list[str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read(fill(tmp_path, names))


def test_a_column_that_a_folder_has_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no column 'species'; it has image, label"):
        read(fill(tmp_path, ["robin/a.png"]), {"image": "image", "label": "species"})


@pytest.mark.parametrize("name", ["birds", "birds.csv"])
def test_a_folder_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "birds.csv").write_text("")

    with pytest.raises(NotFoundError, match=rf"dataset.train.format is ImageFolder, but '{name}'"):
        read(tmp_path / name)
