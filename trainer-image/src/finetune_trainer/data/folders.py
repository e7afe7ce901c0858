"""Folders of images and sounds: one folder for each label, or a list of files with their columns.

`opening` reads the formats ImageFolder and AudioFolder here. The layout is that of the datasets
library: either `robin/1.png`, where the folder is the label, or a metadata.csv or metadata.jsonl
beside the files, whose column file_name names one file in each row and whose other columns may be
anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune_trainer.data import readers
from finetune_trainer.data.columns import match_columns
from finetune_trainer.data.kinds import images, sounds
from finetune_trainer.data.tables import Origin, Table
from finetune_trainer.errors import DataError, NotFoundError

METADATA_NAMES = ("metadata.csv", "metadata.jsonl")
FILE_COLUMN = "file_name"
LABEL_COLUMN = "label"
LITTER = ("thumbs.db", "desktop.ini")
MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class FolderFormat:
    """One kind of folder.

    Attributes:
        column: what the column of the files is called.
        endings: how its files are named.
    """

    column: str
    endings: tuple[str, ...]


FOLDER_FORMATS: dict[str, FolderFormat] = {
    "ImageFolder": FolderFormat("image", images.ENDINGS),
    "AudioFolder": FolderFormat("audio", sounds.ENDINGS),
}


def read_folder(folder: Path, format_name: str, wanted: dict[str, str], field: str) -> Table:
    """Read the names of the files, and the wanted columns beside them.

    Args:
        folder: the folder.
        format_name: a key of FOLDER_FORMATS.
        wanted: the column name for each role.
        field: the field of the spec that named the folder, for messages.

    Raises:
        NotFoundError: there is no such folder.
        DataError: it holds something else.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "is not there"
        raise NotFoundError(
            f"{field}.format is {format_name}, but {folder.name!r} {what}",
            hint=f"name a folder in {field}.source",
        )
    lists = find_lists(folder)
    if len(lists) > 1:
        raise DataError(
            f"{field} ({folder.name}) holds {' and '.join(METADATA_NAMES)}", hint="keep one of them"
        )
    form = FOLDER_FORMATS[format_name]
    if lists:
        return _read_list(lists[0], form, wanted, field)
    return _read_labels(folder, form, wanted, field)


def find_lists(folder: Path) -> list[Path]:
    """Find the lists of files in a folder."""
    return [folder / name for name in METADATA_NAMES if (folder / name).is_file()]


def _read_list(path: Path, form: FolderFormat, wanted: dict[str, str], field: str) -> Table:
    columns = {r: FILE_COLUMN if name == form.column else name for r, name in wanted.items()}
    format_name = readers.find_format(path)
    assert format_name is not None  # each of METADATA_NAMES has a known ending
    return readers.read_file(path, format_name, columns, field)


def _read_labels(folder: Path, form: FolderFormat, wanted: dict[str, str], field: str) -> Table:
    place = f"{field} ({folder.name})"
    match_columns(wanted, (form.column, LABEL_COLUMN), place)
    # Sorted: the order of a folder differs between file systems, the order of training may not.
    files = sorted(
        file for file in folder.rglob("*") if file.is_file() and not _is_litter(file, folder)
    )
    _refuse_strangers([f for f in files if not _is_wanted(f, folder, form)], form, folder, place)
    if not files:
        raise DataError(
            f"{place} holds no {form.column} files ({', '.join(form.endings)})",
            hint=f"put each file into a folder named by its label, or add {METADATA_NAMES[0]}",
        )
    names = [file.relative_to(folder).as_posix() for file in files]
    found = {form.column: names, LABEL_COLUMN: [name.split("/", 1)[0] for name in names]}
    columns = {role: list(found[name]) for role, name in wanted.items()}
    return Table(columns, (Origin(folder.name, 0),))


def _is_litter(file: Path, folder: Path) -> bool:
    """Tell what file managers and file systems leave behind."""
    hidden = any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)
    return hidden or file.name.lower() in LITTER


def _is_wanted(file: Path, folder: Path, form: FolderFormat) -> bool:
    return file.parent != folder and file.name.lower().endswith(form.endings)


def _refuse_strangers(
    strangers: Sequence[Path], form: FolderFormat, folder: Path, place: str
) -> None:
    """Refuse what would be left out silently: a photograph as .heic, a file without a label."""
    if not strangers:
        return
    named = ", ".join(file.relative_to(folder).as_posix() for file in strangers[:MAX_NAMED])
    more = f" and {len(strangers) - MAX_NAMED} more" if len(strangers) > MAX_NAMED else ""
    raise DataError(
        f"{place} holds {named}{more}: only {form.column} files ({', '.join(form.endings)}) in"
        " folders named by their label belong there",
        hint=f"move them away, or name the files and their labels in {METADATA_NAMES[0]}",
    )
