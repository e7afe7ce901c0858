"""Folders that are whole or not there: written aside, hashed, sealed by a manifest, then renamed.

Checkpoints, the best model and the exported model are all made this way, so that a kill at any
instant leaves the last good one. The manifest is written last and says what every file must be;
what does not agree with it is not trusted. fsync before rename: otherwise a crash of the node can
leave the new name on old bytes.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

TEMPORARY_PREFIX = ".tmp-"
RETIRED_PREFIX = ".old-"


class BrokenSealError(Exception):
    """A sealed folder is not what its manifest says."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A folder that agrees with its manifest.

    Attributes:
        path: the folder.
        about: what the maker said about it.
        files: size and SHA-256 of each file.
        sha256: the hash of the manifest itself.
    """

    path: Path
    about: dict[str, Any]
    files: dict[str, dict[str, Any]]
    sha256: str

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(entry["bytes"] for entry in self.files.values())


@contextmanager
def writing_aside(final: Path) -> Iterator[Path]:
    """Give an empty folder beside `final`, on the same file system; it goes if anything fails."""
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = final.parent / f"{TEMPORARY_PREFIX}{final.name}-{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def seal(folder: Path, manifest_name: str, about: dict[str, Any]) -> None:
    """Make every file durable, then write the manifest."""
    files = {}
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        with path.open("rb+") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        files[path.relative_to(folder).as_posix()] = {
            "bytes": path.stat().st_size,
            "sha256": digest,
        }
    content = json.dumps({**about, "files": files}, indent=2, sort_keys=True)
    write_durably(folder / manifest_name, content.encode())
    for directory in [folder, *(p for p in folder.rglob("*") if p.is_dir())]:
        sync_folder(directory)


def publish(temporary: Path, final: Path) -> None:
    """Put a sealed folder in its place; an older one there is replaced."""
    retired = final.parent / f"{RETIRED_PREFIX}{final.name}-{os.getpid()}"
    if final.exists():
        shutil.rmtree(retired, ignore_errors=True)
        final.rename(retired)
    temporary.rename(final)
    sync_folder(final.parent)
    shutil.rmtree(retired, ignore_errors=True)


def retire(folder: Path) -> None:
    """Remove a sealed folder: out of its name at once, so that a kill leaves no half of it there.

    What cannot be removed, such as a file that somebody holds open on a network volume, is left.
    """
    retired = folder.parent / f"{RETIRED_PREFIX}{folder.name}-{os.getpid()}"
    shutil.rmtree(retired, ignore_errors=True)
    try:
        folder.rename(retired)
    except OSError:
        return
    shutil.rmtree(retired, ignore_errors=True)


def verify(folder: Path, manifest_name: str) -> Sealed:
    """Compare a folder with its manifest, byte for byte.

    Raises:
        BrokenSealError: it has none, or a file is missing, cut or changed; the message says which.
    """
    manifest = read_manifest(folder, manifest_name)
    for name, entry in manifest.files.items():
        path = folder / name
        if not is_plain_file(path):
            raise BrokenSealError(f"{name} is missing")
        if path.stat().st_size != entry["bytes"]:
            raise BrokenSealError(f"{name} has {path.stat().st_size} of {entry['bytes']} bytes")
        with path.open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != entry["sha256"]:
                raise BrokenSealError(f"{name} does not have the SHA-256 of the manifest")
    return manifest


def is_plain_file(path: Path) -> bool:
    """Tell whether there is a file, and not a link: those who seal write none."""
    return path.is_file() and not path.is_symlink()


def read_manifest(folder: Path, manifest_name: str) -> Sealed:
    """Read what a folder says about itself, without looking at its files.

    Raises:
        BrokenSealError: there is no manifest, or none that can be read.
    """
    try:
        content = (folder / manifest_name).read_bytes()
        about = json.loads(content)
        files = about.pop("files")
        if not all(isinstance(e["bytes"], int) and e["sha256"] for e in files.values()):
            raise BrokenSealError(f"{manifest_name} lacks sizes or hashes")
        if strange := next((name for name in files if not _is_inside(name)), None):
            raise BrokenSealError(f"{manifest_name} names {strange!r}, which is not in the folder")
    except FileNotFoundError as error:
        raise BrokenSealError(f"{manifest_name} is missing") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenSealError(f"{manifest_name} cannot be read: {error!r}") from error
    return Sealed(folder, about, files, hashlib.sha256(content).hexdigest())


def _is_inside(name: str) -> bool:
    """Tell whether a name stays in its folder: whoever publishes it would send what it leads to."""
    return not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts


def write_durably(path: Path, content: bytes) -> None:
    """Write a file that is there after a crash: aside, synced, renamed."""
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{path.name}-{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep_leftovers(folder: Path, name: str = "*") -> None:
    """Remove what a killed writer of `name` left behind in a folder."""
    for prefix in (TEMPORARY_PREFIX, RETIRED_PREFIX):
        for path in folder.glob(f"{prefix}{name}-*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
