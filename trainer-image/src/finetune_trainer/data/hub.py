"""Data sets of a hub: hf://org/name through the datasets library, pinned to one commit.

`loading` calls it for hf:// sources. datasets runs no code of a data set (loading scripts are gone
since version 4), so what arrives is CSV, JSON or Parquet.
"""

import os
from pathlib import Path

from finetune_api.contract.environment import Variable
from finetune_trainer.data.columns import match_columns
from finetune_trainer.data.tables import Origin, Table
from finetune_trainer.errors import NotFoundError
from finetune_trainer.translations import translate_hub_error


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
        rows = datasets.load_dataset(
            name,
            config,
            split=split,
            revision=revision,
            token=os.environ.get(Variable.HUB_TOKEN),
            cache_dir=str(_cache_folder()),
        )
    except ValueError as error:  # an unknown split or configuration; the message lists the known
        raise NotFoundError(f"{field}.source hf://{name}: {error}") from error
    except Exception as error:  # see above
        raise translate_hub_error(error, f"{field}.source hf://{name}") from error
    match_columns(wanted, rows.column_names, f"{field} (hf://{name}, split {split})")
    columns = {role: _read_column(rows, column) for role, column in wanted.items()}
    return Table(columns, (Origin(f"hf://{name} ({split})", 0),))


def _read_column(rows: object, name: str) -> list[object]:
    feature = rows.features[name]  # type: ignore[attr-defined]  # datasets has no types
    values = list(rows[name])  # type: ignore[index]
    if hasattr(feature, "int2str"):
        # A ClassLabel is a number with names; -1 marks a row without label, as in many test splits.
        return [None if v is None or v < 0 else feature.int2str(v) for v in values]
    return values


def _cache_folder() -> Path:
    return Path(os.environ["HF_HOME"]) / "datasets" if "HF_HOME" in os.environ else Path(".cache")
