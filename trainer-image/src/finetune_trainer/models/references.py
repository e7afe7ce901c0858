"""Refuses what leads out of the folder of a model: links, and settings that name other files.

A model comes from strangers. Some of its settings are opened by a library as they are: a vocabulary
that is a path, a checkpoint of timm, a repository of a hub. What is read so is published with the
model, or comes from somebody whom nobody has named. `sources` asks before anything is loaded.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finetune_trainer.errors import ConfigError
from finetune_trainer.strays import find_strays

SETTINGS_NAMES = (
    *("config.json", "generation_config.json", "tokenizer_config.json", "special_tokens_map.json"),
    *("processor_config.json", "preprocessor_config.json"),
)
_REPLACED = frozenset({"_name_or_path", "name_or_path", "tokenizer_file", "vocab_file"})
"""Settings that name files of the machine on which a model was saved; nobody opens those."""
_MAX_PATH_LENGTH = 4096
_ELSEWHERE = (":", "/", "\\")
"""Signs in timm's name of an architecture that mean a repository or a folder."""


def check_links(folder: Path, root: Path | None, source: str, field: str) -> None:
    """Refuse links that lead out of a folder.

    Args:
        folder: of a model or a tokenizer.
        root: what links may lead to besides; None for any folder of this machine.
        source: as it was named.
        field: the field of the spec that names it.

    Raises:
        ConfigError: one does; the message names it.
    """
    if strays := find_strays(folder.iterdir(), root):
        raise ConfigError(
            f"{field} {source}: {strays[0]} is a link that leads out of where the model lies",
            hint="put the file itself into the folder",
        )


def check_settings(folder: Path, source: str, field: str) -> None:
    """Refuse settings that name what lies elsewhere.

    Raises:
        ConfigError: one does, or cannot be read; the message names it.
    """
    for name in SETTINGS_NAMES:
        settings = _read(folder / name, f"{field} {source}: {name}")
        for setting, value in _list_texts(settings):
            if setting not in _REPLACED and _names_a_file(value):
                raise ConfigError(
                    f"{field} {source}: {name} sets {setting} to a file of this machine"
                    f" ({value!r:.80}); only the files of the model's own folder are read",
                    hint=f"remove {setting} from {name}",
                )
        _check_architecture(settings, f"{field} {source}: {name}")


def _read(path: Path, place: str) -> Any:
    try:
        return json.loads(path.read_bytes()) if path.is_file() else {}
    except (ValueError, RecursionError) as error:  # the latter: nested to break the parser
        raise ConfigError(
            f"{place} is no JSON: {error}", hint="copy or download the model again"
        ) from error


def _list_texts(value: Any, setting: str = "") -> Iterator[tuple[str, str]]:
    """Give every text of some settings, with the name that it stands under."""
    pending = [(setting, value)]  # no recursion: strangers nest as deep as they like
    while pending:
        name, part = pending.pop()
        if isinstance(part, str):
            yield name, part
        elif isinstance(part, dict):
            pending += part.items()
        elif isinstance(part, list):
            pending += ((name, entry) for entry in part)


def _names_a_file(text: str) -> bool:
    if len(text) > _MAX_PATH_LENGTH or not any(sign in text for sign in "/\\."):
        return False
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _check_architecture(settings: Any, place: str) -> None:
    name = settings.get("architecture") if isinstance(settings, dict) else None
    if isinstance(name, str) and any(sign in name for sign in _ELSEWHERE):
        raise ConfigError(
            f"{place} names the architecture {name!r:.80}, which lies elsewhere",
            hint="name an architecture of timm, such as resnet50",
        )
