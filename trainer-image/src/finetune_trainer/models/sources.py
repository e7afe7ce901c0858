"""Brings the pre-trained model into a local folder and checks it, before torch is imported.

`run` is the caller. A model of a volume gets a fingerprint in place of the commit of a hub, so that
status.resolved says in either case which weights a job started from.
"""

import hashlib
import json
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune_api.sources import Source, parse_source
from finetune_api.v1alpha1.pretrained import PretrainedModel
from finetune_trainer.errors import ConfigError, NotFoundError
from finetune_trainer.models import hub
from finetune_trainer.models.references import check_links, check_settings
from finetune_trainer.models.weights import check_weights, choose_weight_files, refuse_adapter
from finetune_trainer.settings import Settings
from finetune_trainer.stores.downloads import Wanted, fetch_objects, refuse_archives

_FINGERPRINT_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pretrained:
    """A model on this machine.

    Attributes:
        source: as in spec.model.source, for messages.
        folder: holds config.json and the weights.
        tokenizer_folder: holds the tokenizer.
        revision: the commit, or `sha256:…` over configuration and weights.
        config: config.json.
    """

    source: str
    folder: Path
    tokenizer_folder: Path
    revision: str
    config: dict[str, Any]

    @property
    def weight_bytes(self) -> int:
        """The size of the weights."""
        return sum(file.stat().st_size for file in self.folder.glob("*.safetensors"))


def fetch_model(
    model: PretrainedModel,
    settings: Settings,
    pinned: str | None,
    versions: MutableMapping[str, str] | None = None,
) -> Pretrained:
    """Find or download the model and check its files.

    Args:
        model: spec.model.
        settings: where volumes and scratch are.
        pinned: the commit that an earlier attempt used, where the spec names none.
        versions: what earlier attempts found in buckets; what is found here is added.

    Raises:
        TrainerError: it is not there, not for us, or cannot be loaded safely.
    """
    source = parse_source(model.source)
    versions = {} if versions is None else versions
    revision = ""
    if source.scheme == "hf":
        wanted = model.revision or pinned
        folder, revision = hub.download_model(source.name, wanted, settings.scratch / "hub")
    elif source.scheme == "s3":
        folder = _download(source, "model.source", settings, versions)
    else:
        folder = _require_own_folder(source, "model.source", settings)
    config = _read_config(folder, model.source)
    check_weights(folder, model.source)
    check_settings(folder, model.source, "model.source")
    return Pretrained(
        source=model.source,
        folder=folder,
        tokenizer_folder=_find_tokenizer(model, folder, settings, versions),
        revision=revision or _fingerprint(folder),
        config=config,
    )


def _download(
    source: Source,
    field: str,
    settings: Settings,
    versions: MutableMapping[str, str],
    *,
    with_weights: bool = True,
) -> Path:
    """Bring out of a bucket what is safe to load of a model or a tokenizer."""

    def choose(names: Sequence[str]) -> list[str]:
        refuse_archives(names, field, source.uri)
        weights = choose_weight_files(list(names), source.uri) if with_weights else []
        return weights + [n for n in names if n.endswith(hub.TEXT_ENDINGS) and "/" not in n]

    folder = fetch_objects(Wanted(source, field, choose), settings.scratch, versions)
    return _require_folder(folder, field, source.uri)


def _find_tokenizer(
    model: PretrainedModel, folder: Path, settings: Settings, versions: MutableMapping[str, str]
) -> Path:
    if model.tokenizer_source is None:
        return folder
    source = parse_source(model.tokenizer_source)
    field = "model.tokenizerSource"
    if source.scheme == "hf":
        cache = settings.scratch / "hub"
        found = hub.download_model(source.name, None, cache, with_weights=False)[0]
    elif source.scheme == "s3":
        found = _download(source, field, settings, versions, with_weights=False)
    else:
        found = _require_own_folder(source, field, settings)
    check_settings(found, source.uri, field)
    return found


def _require_own_folder(source: Source, field: str, settings: Settings) -> Path:
    """Find a folder of a volume, all of whose files lie there."""
    folder = _require_folder(settings.locate(source), field, source.uri)
    check_links(folder, settings.find_root(source), source.uri, field)
    return folder


def _require_folder(path: Path, field: str, uri: str) -> Path:
    if path.is_dir():
        return path
    what = "is a file; a folder is needed" if path.exists() else "is not there"
    raise NotFoundError(
        f"{field} {uri} {what}", hint="name the folder that holds config.json and model.safetensors"
    )


def _read_config(folder: Path, source: str) -> dict[str, Any]:
    path = folder / "config.json"
    if not path.is_file():
        refuse_adapter({entry.name for entry in folder.iterdir()}, source)
        raise NotFoundError(
            f"model.source {source} has no config.json",
            hint="name the folder that holds config.json and model.safetensors",
        )
    try:
        config = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:  # the latter: nested to break the parser
        raise ConfigError(f"model.source {source}: config.json is no JSON: {error}") from error
    if not isinstance(config, dict) or not config.get("model_type"):
        raise ConfigError(
            f"model.source {source}: config.json names no model_type, so it is no model of the"
            " transformers library; models that bring code of their own are not run"
        )
    return config


def _fingerprint(folder: Path) -> str:
    """Hash configuration and weights; of big files size, head and tail, to stay within a second."""
    digest = hashlib.sha256()
    for file in sorted([folder / "config.json", *folder.glob("*.safetensors")]):
        size = file.stat().st_size
        digest.update(f"{file.name}\x00{size}\x00".encode())
        with file.open("rb") as opened:
            digest.update(opened.read(_FINGERPRINT_CHUNK))
            opened.seek(max(0, size - _FINGERPRINT_CHUNK))
            digest.update(opened.read())
    return f"sha256:{digest.hexdigest()}"
