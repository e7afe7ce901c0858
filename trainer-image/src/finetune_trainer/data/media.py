"""Where the bytes of an image or a sound are: a file beside the data, or a cell of the data itself.

`opening` and `hub` place every value of such a column here, `kinds` then look at the bytes. Data
comes from strangers, so a path that leads out of the folder of the data is never opened.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from finetune_trainer.data.columns import Column
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.tables import Table

MEDIA_KINDS = frozenset({Kind.IMAGE, Kind.AUDIO})
MAX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Media:
    """An image or a sound that nobody has looked at yet.

    Attributes:
        name: what to call it in messages: its path as it is written, or what it is.
        read: gives the bytes; each call reads them anew, so that memory does not hold them all.
        problem: why it may not or cannot be read, "which is not there"; None when it can.
    """

    name: str
    read: Callable[[], bytes] = field(repr=False)
    problem: str | None = None


def place_table(table: Table, columns: tuple[Column, ...], folder: Path | None) -> Table:
    """Place every value of the columns of images and sounds.

    Args:
        table: as it was read.
        columns: what the task asks for.
        folder: what paths are relative to; None where there are no files beside the data.
    """
    placed = {
        c.role: [place_media(value, folder) for value in table.columns[c.role]]
        for c in columns
        if c.kind in MEDIA_KINDS
    }
    return Table(table.columns | placed, table.origins, table.broken) if placed else table


def place_media(value: Any, folder: Path | None) -> Any:
    """Find the bytes of a value; what is neither path nor bytes stays as it is, for `kinds`.

    Args:
        value: a path, bytes, or both as hub data sets have them: {"bytes": …, "path": …}.
        folder: what paths are relative to.
    """
    if isinstance(value, Mapping) and value.get("bytes") is not None:
        return Media(str(value.get("path") or "bytes"), partial(bytes, value["bytes"]))
    path = value.get("path") if isinstance(value, Mapping) else value
    if isinstance(path, bytes):
        return Media("bytes", partial(bytes, path))
    if isinstance(path, str) and path.strip():
        return _place_file(path.strip(), folder)
    return value


def _place_file(name: str, folder: Path | None) -> Media:
    if "://" in name:
        return _refuse(name, "is an address: only files beside the data are read")
    if folder is None or Path(name).is_absolute():
        return _refuse(name, "is no path beside the data")
    path = folder / name
    # Resolved, so that neither `..` nor a link leads to what belongs to others.
    if not path.resolve().is_relative_to(folder.resolve()):
        return _refuse(name, f"leads out of the folder of the data, {folder.name!r}")
    if not path.is_file():
        return _refuse(name, "is not there")
    size = path.stat().st_size
    if size > MAX_BYTES:
        return _refuse(name, f"has {size // 2**20} MiB; {MAX_BYTES // 2**20} are the most")
    return Media(name, path.read_bytes)


def _refuse(name: str, problem: str) -> Media:
    return Media(name, bytes, problem)
