"""Looks at weight files before torch does: safetensors only, whole, and of a sane header.

`sources` calls it for every model, wherever it came from. Pickles (.bin, .pt) run code when they
are opened, so a model that has nothing else is refused.
"""

import json
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

from finetune_trainer.errors import ConfigError, NotFoundError

INDEX_NAME = "model.safetensors.index.json"
WEIGHTS_NAME = "model.safetensors"
CONFIG_NAME = "config.json"
ADAPTER_NAME = "adapter_config.json"
PICKLE_ENDINGS = (".bin", ".pt", ".pth", ".pkl", ".ckpt", ".h5", ".msgpack")
MAX_HEADER_BYTES = 10 * 1024 * 1024
_LENGTH_BYTES = 8
_BITS = {
    **{"F64": 64, "I64": 64, "U64": 64, "F32": 32, "I32": 32, "U32": 32},
    **{"F16": 16, "BF16": 16, "I16": 16, "U16": 16, "I8": 8, "U8": 8, "BOOL": 8},
}
_CONVERT_HINT = (
    "save it once with model.save_pretrained(folder, safe_serialization=True), or name a revision"
    " that has model.safetensors"
)


def choose_weight_files(names: list[str], source: str) -> list[str]:
    """Say which files of a model hold its weights.

    Raises:
        ConfigError: it has pickles only.
        NotFoundError: it has no weights at all.
    """
    refuse_adapter(names, source)
    if INDEX_NAME in names or WEIGHTS_NAME in names:
        return [n for n in names if n.endswith(".safetensors") and "/" not in n]
    pickles = sorted(name for name in names if name.endswith(PICKLE_ENDINGS) and "/" not in name)
    if pickles:
        raise ConfigError(
            f"model.source {source} has no safetensors weights, only {', '.join(pickles[:5])}: such"
            " files can run code when they are opened, so they are not loaded",
            hint=_CONVERT_HINT,
        )
    raise NotFoundError(
        f"model.source {source} has no {WEIGHTS_NAME}; it has {_list(names)}",
        hint="name the folder that holds config.json and model.safetensors",
    )


def refuse_adapter(names: Collection[str], source: str) -> None:
    """Refuse an adapter, alone or beside a model, into which transformers would put it unasked.

    Raises:
        ConfigError: the files hold an adapter.
    """
    if ADAPTER_NAME not in names:
        return
    if CONFIG_NAME in names:
        raise ConfigError(
            f"model.source {source} holds a model and an adapter ({ADAPTER_NAME}), and does not say"
            " which of both is meant",
            hint=f"remove {ADAPTER_NAME} to start from the model, or merge the adapter into it",
        )
    raise ConfigError(
        f"model.source {source} is an adapter without the model that it belongs to",
        hint="train it with output.formats: [MergedAdapter], and name that model",
    )


def check_weights(folder: Path, source: str) -> None:
    """Check every safetensors file of a model against its own header.

    Raises:
        ConfigError: one is truncated or broken.
    """
    names = sorted(entry.name for entry in folder.iterdir())
    files = set(choose_weight_files(names, source)) | _files_of_index(folder, source)
    for name in sorted(files):
        problem = find_problem(folder / name)
        if problem:
            raise ConfigError(
                f"model.source {source}: {name} is broken: {problem}",
                hint="copy or download the model again",
            )


def find_problem(path: Path) -> str | None:
    """Compare the size of a safetensors file with what its header promises; None if it is whole."""
    if not path.is_file():
        return "the index names it, but it is not there"
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if size < _LENGTH_BYTES or length > min(size - _LENGTH_BYTES, MAX_HEADER_BYTES):
            return f"it has {size} bytes, too few for its header"
        try:
            header = json.loads(file.read(length))
            if strange := _find_strange_tensor(header):
                return f"its header gives {strange} another size than its shape has"
            end = _end_of_data(header)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
            return "its header is no safetensors header"
    expected = _LENGTH_BYTES + length + end
    return None if size == expected else f"it has {size} bytes, its header promises {expected}"


def _find_strange_tensor(header: dict[str, Any]) -> str | None:
    """Name a tensor whose shape and place disagree; types of the future are left to the library."""
    for name, entry in header.items():
        bits = _BITS.get(entry["dtype"]) if name != "__metadata__" else None
        if bits is None:
            continue
        begin, end = entry["data_offsets"]
        if begin < 0 or 8 * (end - begin) != bits * math.prod(entry["shape"]):
            return str(name)
    return None


def _end_of_data(header: dict[str, Any]) -> int:
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    return int(max(ends, default=0))


def _files_of_index(folder: Path, source: str) -> set[str]:
    index = folder / INDEX_NAME
    if not index.is_file():
        return set()
    try:
        names = {str(name) for name in json.loads(index.read_text())["weight_map"].values()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ConfigError(f"model.source {source}: {INDEX_NAME} is broken: {error}") from error
    if strange := sorted(name for name in names if Path(name).name != name):
        raise ConfigError(
            f"model.source {source}: {INDEX_NAME} names {strange[0]!r}, which is not in the folder"
            " of the model",
            hint="copy or download the model again",
        )
    return names


def _list(names: list[str], limit: int = 8) -> str:
    shown = ", ".join(sorted(names)[:limit]) or "nothing"
    return shown if len(names) <= limit else f"{shown}, …"
