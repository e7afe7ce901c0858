"""Finds the FineTuneJobs in a file and says what is wrong with them, line by line.

The check is the API's own (`finetune_api`), so a job that passes here is accepted by the cluster
and the other way round; this module only adds where in the file a mistake stands. The commands
`validate` and `run` call it.
"""

import base64
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from finetune_api.errors import describe_errors
from finetune_api.v1alpha1 import KIND, FineTuneJob, parse_job
from kubectl_finetune.documents import Document, read_documents
from kubectl_finetune.errors import ManifestError, NotFoundError

STANDARD_INPUT = "-"
CONFIG_MAP = "ConfigMap"


@dataclass(frozen=True, slots=True)
class Manifests:
    """What a file holds.

    Attributes:
        jobs: the valid FineTuneJobs, in the order of the file.
        errors: one line for each mistake, `file:line: field: what and how to mend it`.
        ignored: one line for each document that is something else.
        config_maps: what the ConfigMaps of the file hold, by name and key.
    """

    jobs: tuple[FineTuneJob, ...]
    errors: tuple[str, ...]
    ignored: tuple[str, ...]
    config_maps: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)


def read_manifests(file_name: str) -> Manifests:
    """Read and check every FineTuneJob of a file (`-` is standard input).

    Raises:
        NotFoundError: there is no such file.
        ManifestError: it is no YAML, or holds no FineTuneJob at all.
    """
    documents = read_documents(_read_text(file_name), file_name)
    ours = [document for document in documents if _name_kind(document) == KIND]
    if not ours:
        found = ", ".join(_name_kind(document) for document in documents) or "nothing"
        raise ManifestError(f"{file_name} holds no {KIND}; it holds {found}")
    checked = [_check(document) for document in ours]
    return Manifests(
        jobs=tuple(result for result in checked if isinstance(result, FineTuneJob)),
        errors=tuple(line for result in checked if isinstance(result, list) for line in result),
        ignored=tuple(
            f"{document.file_name}:{document.find_line(())}: {_name_kind(document)} ignored"
            for document in documents
            if _name_kind(document) not in (KIND, CONFIG_MAP)
        ),
        config_maps=dict(
            _read_config_map(document)
            for document in documents
            if _name_kind(document) == CONFIG_MAP
        ),
    )


def choose_job(manifests: Manifests, *, name: str | None, file_name: str) -> FineTuneJob:
    """Pick the job to run: the only one, or the one that is named.

    Raises:
        ManifestError: a job of the file is invalid, or the choice is not clear.
    """
    if manifests.errors:
        raise ManifestError("\n".join((f"{file_name} is not valid", *manifests.errors)))
    names = [job.metadata.name for job in manifests.jobs]
    chosen = [job for job in manifests.jobs if name in (None, job.metadata.name)]
    if len(chosen) == 1:
        return chosen[0]
    if name is not None and name not in names:
        raise ManifestError(f"{file_name} has no job {name!r}; it has {', '.join(names)}")
    raise ManifestError(
        f"{file_name} holds {len(chosen)} jobs: {', '.join(names)}",
        hint="choose one with --name",
    )


def _read_text(file_name: str) -> str:
    if file_name == STANDARD_INPUT:
        return sys.stdin.read()
    try:
        return Path(file_name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {file_name!r}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"{file_name} cannot be read: {error}") from error


def _name_kind(document: Document) -> str:
    if not isinstance(document.value, dict):
        return "a document that is no object"
    return str(document.value.get("kind") or "a document without kind")


def _read_config_map(document: Document) -> tuple[str, dict[str, bytes]]:
    value = document.value
    try:
        text = {key: content.encode() for key, content in (value.get("data") or {}).items()}
        binary = (value.get("binaryData") or {}).items()
        return value["metadata"]["name"], {
            **text,
            **{key: base64.b64decode(content, validate=True) for key, content in binary},
        }
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        where = f"{document.file_name}:{document.find_line(())}"
        raise ManifestError(
            f"{where}: this ConfigMap cannot be read: metadata.name, data with texts and binaryData"
            " in base64 are what it may have"
        ) from error


def _check(document: Document) -> FineTuneJob | list[str]:
    try:
        return parse_job(document.value)
    except ValidationError as error:
        descriptions = describe_errors(error, FineTuneJob)
        lines = [document.find_line(tuple(item["loc"])) for item in error.errors()]
        located = sorted(zip(lines, descriptions, strict=True))
        return [f"{document.file_name}:{line}: {text}" for line, text in located]
