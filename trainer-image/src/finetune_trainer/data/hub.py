"""Data sets of a hub: hf://org/name through the datasets library, pinned to one commit.

`loading` calls it for hf:// sources. datasets runs no code of a data set (loading scripts are gone
since version 4), so what arrives is CSV, JSON or Parquet.
"""

import os
from functools import partial
from pathlib import Path
from typing import Any

from finetune_api.contract.environment import Variable
from finetune_trainer.data.columns import match_columns
from finetune_trainer.data.media import Media, place_media
from finetune_trainer.data.tables import Origin, Table
from finetune_trainer.errors import DataError, InternalError, NotFoundError
from finetune_trainer.translations import translate_hub_error

READ_FORMATS = ("csv", "json", "parquet", "arrow", "text", "imagefolder", "audiofolder")
"""By the names that the datasets library has for them."""


def resolve_dataset_revision(name: str, field: str) -> str:
    """Ask the hub for the newest commit of a data set.

    Raises:
        TrainerError: it is not there, not for us, or the hub cannot be reached.
    """
    from huggingface_hub import HfApi

    try:
        info = HfApi(token=os.environ.get(Variable.HUB_TOKEN)).dataset_info(name, timeout=30)
    except Exception as error:  # the client raises dozens of types; the table knows them
        raise translate_hub_error(error, f"{field}.source hf://{name}") from error
    return info.sha or "main"


def read_hub_table(
    name: str, part: tuple[str | None, str], revision: str, wanted: dict[str, str], field: str
) -> Table:
    """Download one split and pick the wanted columns.

    Args:
        name: org/name.
        part: the configuration and the split.
        revision: the commit.
        wanted: the column name for each role.
        field: the field of the spec, for messages.

    Raises:
        NotFoundError: there is no such configuration or split.
        TrainerError: whatever else the hub says.
    """
    import datasets

    config, split = part
    datasets.disable_progress_bars()
    try:
        builder = datasets.load_dataset_builder(
            name,
            config,
            revision=revision,
            token=os.environ.get(Variable.HUB_TOKEN),
            cache_dir=str(_cache_folder()),
        )
        _refuse_other_formats(builder, f"{field}.source hf://{name}")
        builder.download_and_prepare()
        rows: Any = builder.as_dataset(split=split)
        match_columns(wanted, rows.column_names, f"{field} (hf://{name}, split {split})")
        columns = {role: _read_column(rows, column) for role, column in wanted.items()}
    except DataError:
        raise
    except ValueError as error:  # an unknown split or configuration; the message lists the known
        raise NotFoundError(f"{field}.source hf://{name}: {error}") from error
    except Exception as error:  # see above
        _refuse_scripts(error, f"{field}.source hf://{name}")
        _refuse_loose_sounds(error, f"{field}.source hf://{name}")
        found = translate_hub_error(error, f"{field}.source hf://{name}")
        raise _blame_the_data(found, error) if type(found) is InternalError else found from error
    return Table(columns, (Origin(f"hf://{name} ({split})", 0),))


def _refuse_other_formats(builder: Any, source: str) -> None:
    """Refuse what the datasets library reads, and we do not: archives, pickles and the like.

    Raises:
        DataError: the data set is of such a format.
    """
    module = type(builder).__module__.rpartition(".")[2]
    if module not in READ_FORMATS:
        raise DataError(
            f"{source} holds data of the format {module}; what is read from a hub is"
            f" {', '.join(READ_FORMATS)}",
            hint="write the rows as Parquet: dataset.to_parquet(...)",
        )


def _refuse_scripts(error: BaseException, source: str) -> None:
    """Say what to do about a data set that brings code.

    Raises:
        DataError: that is the case.
    """
    if isinstance(error, RuntimeError) and "scripts are no longer supported" in str(error):
        raise DataError(
            f"{source} is made by a script of its own, and no code of a data set is run",
            hint="name a data set, or a revision such as refs/convert/parquet, that holds the rows"
            " as files",
        ) from error


def _blame_the_data(found: InternalError, error: BaseException) -> DataError:
    """Say that what no other row of the table knows is a file that cannot be read.

    It would be no better at the next attempt; the cause says more than the library's own error.
    """
    cause = error.__cause__
    why = f": {cause!s:.300}" if cause is not None else ""
    return DataError(f"{found}{why}", hint="the files of the data set cannot be read: mend them")


def _refuse_loose_sounds(error: BaseException, source: str) -> None:
    """Say what to do where the datasets library wants FFmpeg: for files of sound, not for tables.

    Raises:
        DataError: that is the case.
    """
    cause = error.__cause__
    if isinstance(cause, ImportError) and "torchcodec" in str(cause):
        raise DataError(
            f"{source} is a folder of sound files, which are read from volumes only",
            hint="put the files on a volume, with format AudioFolder, or name a data set that"
            " holds its sounds in Parquet files",
        ) from error


def _read_column(rows: Any, name: str) -> list[Any]:
    import datasets

    feature = rows.features[name]
    if isinstance(feature, datasets.Image | datasets.Audio):
        # Undecoded: the bytes are what identifies an image, and memory would not hold the pixels.
        cells = rows.select_columns([name]).cast_column(name, type(feature)(decode=False))
        return [_place_cell(cells, name, index) for index in range(len(cells))]
    return [_name_labels(feature, value) for value in rows[name]]


def _name_labels(feature: Any, value: Any) -> Any:
    """Give labels their names: a ClassLabel is a number with names, also in lists and objects."""
    if value is None:
        return None
    if hasattr(feature, "int2str"):
        # -1 marks a row without label, as in many test splits.
        return None if value < 0 else feature.int2str(value)
    if isinstance(feature, dict):
        return {key: _name_labels(feature[key], part) for key, part in value.items()}
    inner = getattr(feature, "feature", None)
    if inner is None or not isinstance(value, list):
        return value
    return [_name_labels(inner, part) for part in value]


def _place_cell(cells: Any, name: str, index: int) -> Any:
    """Place an image or a sound: in the table, or in a file that was downloaded with it."""
    cell = cells[index][name]
    if cell is None or cell["bytes"] is None:
        path = cell and cell["path"]
        home = Path(os.environ.get("HF_HOME", "")).resolve()
        return place_media(path and os.path.relpath(Path(path).resolve(), home), home)
    return Media(cell["path"] or f"number {index + 1}", partial(_read_cell, cells, name, index))


def _read_cell(cells: Any, name: str, index: int) -> bytes:
    """Read one cell anew; the table lies on the disk."""
    content: bytes = cells[index][name]["bytes"]
    return content


def _cache_folder() -> Path:
    return Path(os.environ["HF_HOME"]) / "datasets" if "HF_HOME" in os.environ else Path(".cache")
