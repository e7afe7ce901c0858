"""Brings data and models out of a bucket, once, into scratch; what was taken is pinned.

`data.opening` and `models.sources` call it. The names, sizes and ETags of the objects are the
version: a later attempt that finds another one refuses, as it would with another commit of a hub.
Nothing is unpacked, and no name of an object leads out of its folder.
"""

import hashlib
import logging
import shutil
from collections.abc import Callable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from finetune_api.sources import Source
from finetune_trainer.errors import ConfigError, DataError, NotFoundError, StorageFullError
from finetune_trainer.sealing import writing_aside
from finetune_trainer.stores.buckets import Bucket, Objects, StoredObject

logger = logging.getLogger(__name__)

ARCHIVE_ENDINGS = (
    *(".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar"),
    ".mar",
)
FOLDER_NAME = "buckets"
PARALLEL_DOWNLOADS = 8
"""Folders of images are thousands of small objects, each a round trip."""
Choose = Callable[[Sequence[str]], Sequence[str]]
"""Says which files are wanted, by the names of all of them below the source."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to bring.

    Attributes:
        source: an object, or the prefix of several.
        field: the field of the spec that names it.
        choose: which of the files.
    """

    source: Source
    field: str
    choose: Choose


def fetch_objects(
    wanted: Wanted, scratch: Path, versions: MutableMapping[str, str], bucket: Objects | None = None
) -> Path:
    """Download what is not here yet.

    Args:
        wanted: what to bring.
        scratch: the folder for downloads.
        versions: what earlier attempts found, by URI; what is found here is added.
        bucket: the bucket; default: the one of the source.

    Returns:
        a folder, or the file where the source is one object.

    Raises:
        TrainerError: it is not there, not for us, changed, or too large.
    """
    source, uri = wanted.source, wanted.source.uri
    bucket = bucket or Bucket(source.name, wanted.field)
    found = _list_files(bucket, wanted)
    names = set(wanted.choose(sorted(found)))
    chosen = {name: stored for name, stored in found.items() if name in names}
    version = _compute_version(chosen)
    _hold_to_version(wanted, versions.setdefault(uri, version), version)
    folder = scratch / FOLDER_NAME / source.name / version[:32]
    if not folder.is_dir():
        _download(bucket, chosen, folder, uri)
    last = PurePosixPath(source.path).name
    return folder / last if [s.key for s in found.values()] == [source.path] else folder


def refuse_archives(names: Sequence[str], field: str, uri: str) -> None:
    """Refuse what would have to be unpacked.

    Raises:
        ConfigError: there is nothing but archives.
    """
    archives = [name for name in names if name.lower().endswith(ARCHIVE_ENDINGS)]
    if archives and len(archives) == len(names):
        raise ConfigError(
            f"{field} {uri} holds nothing but archives ({', '.join(archives[:3])}), which are not"
            " unpacked: they can write anywhere and hide what is in them",
            hint="unpack it once and upload the files",
        )


def _list_files(bucket: Objects, wanted: Wanted) -> dict[str, StoredObject]:
    source = wanted.source
    # The object first: keys that may read it may often not list what lies beside it.
    whole = bucket.find(source.path)
    if whole is not None and whole.size:
        return {PurePosixPath(source.path).name: whole}
    below = [stored for stored in bucket.list(source.path) if not stored.key.endswith("/")]
    if not below:
        raise NotFoundError(
            f"{wanted.field} {source.uri} is not there: the bucket has no such object and none"
            " below it",
            hint=f"check {wanted.field}; names of objects are case-sensitive",
        )
    files = {stored.key.removeprefix(f"{source.path}/"): stored for stored in below}
    for name in files:
        _check_name(name, wanted)
    return files


def _check_name(name: str, wanted: Wanted) -> None:
    parts = name.split("/")
    if any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
        raise DataError(
            f"{wanted.field} {wanted.source.uri} has an object {name!r}, which would not stay in"
            " its folder",
            hint="rename the object",
        )


def _compute_version(files: dict[str, StoredObject]) -> str:
    digest = hashlib.sha256()
    for name, stored in sorted(files.items()):
        digest.update(f"{name}\0{stored.size}\0{stored.etag}\0".encode())
    return digest.hexdigest()


def _hold_to_version(wanted: Wanted, earlier: str, version: str) -> None:
    if earlier == version:
        return
    raise DataError(
        f"{wanted.field} {wanted.source.uri} changed since the first attempt of this job: its"
        f" version was {earlier[:12]}… and is {version[:12]}… now",
        hint="bring the objects back, or apply the job under a new name to use the new ones",
    )


def _download(bucket: Objects, files: dict[str, StoredObject], folder: Path, uri: str) -> None:
    size = sum(stored.size for stored in files.values())
    folder.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder.parent).free
    if size > free:
        raise StorageFullError(
            f"{uri} has {size:,} bytes, the scratch disk has room for {free:,}",
            hint="raise resources.ephemeralStorage",
        )
    logger.info("downloading %d files of %s, %d bytes", len(files), uri, size)
    with writing_aside(folder) as aside, ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
        fetched = [pool.submit(bucket.download, s, aside / name) for name, s in files.items()]
        try:
            for future in fetched:
                future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
        aside.rename(folder)
