"""One bucket of an object store with the S3 API: list, read, write, delete, in our errors.

`downloads` and `publishing` call it; nobody else knows obstore. The keys come from the environment
(contract.environment.BUCKET_VARIABLES), else from the role of the node; where there is neither, the
bucket is asked as a stranger, which is all that public data needs.
"""

import functools
import hashlib
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import urlsplit

from finetune_trainer.errors import TransientError
from finetune_trainer.stores.answers import explain
from finetune_trainer.translations import translate

if TYPE_CHECKING:
    from obstore.store import S3Config

METADATA_ADDRESS = ("169.254.169.254", 80)
"""Where a machine of a cloud asks for the keys of its role."""
DEFAULT_REGION = "us-east-1"
WAYS_TO_SIGN_IN = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
)
PART_BYTES = 64 * 1024 * 1024
"""Files above this are sent in parts; the hash that a store keeps of them depends on it."""
MAX_RETRIES = 4
RETRY_SECONDS = 60
CONNECT_SECONDS = 5
READ_SECONDS = 60


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object.

    Attributes:
        key: its name in the bucket.
        size: in bytes.
        etag: changes with the content; what is sent in one piece has its MD5 here.
    """

    key: str
    size: int
    etag: str


class Objects(Protocol):
    """Objects by key. Every method may raise a TrainerError."""

    def find(self, key: str) -> StoredObject | None:
        """Look an object up; None where there is none, or none that these keys may see."""

    def list(self, folder: str) -> tuple[StoredObject, ...]:
        """Give the objects whose keys begin with `folder/`, by key."""

    def download(self, wanted: StoredObject, path: Path) -> None:
        """Write an object to a file, if it is still the one that was listed."""

    def read(self, key: str) -> bytes | None:
        """Give the content of a small object; None where there is none."""

    def write(self, key: str, content: bytes | Path) -> str:
        """Write an object, whole or not at all, and give its ETag."""

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects."""


class Bucket:
    """Objects of a bucket with the S3 API."""

    def __init__(self, name: str, field: str, variables: Mapping[str, str] = os.environ) -> None:
        """Prepare; nothing is asked yet.

        Args:
            name: of the bucket.
            field: the field of the spec that names it, for messages.
            variables: the environment with the keys.
        """
        from obstore.store import S3Store

        self._field = field
        self._name = name
        self._store = S3Store(
            name,
            config=cast("S3Config", choose_config(variables)),
            client_options={
                "allow_http": urlsplit(variables.get("AWS_ENDPOINT_URL", "")).scheme == "http",
                "connect_timeout": timedelta(seconds=CONNECT_SECONDS),
                "read_timeout": timedelta(seconds=READ_SECONDS),
                "timeout": timedelta(days=1),  # of one answer: a shard of many gigabytes is one
            },
            retry_config={
                "max_retries": MAX_RETRIES,
                "retry_timeout": timedelta(seconds=RETRY_SECONDS),
            },
        )

    def find(self, key: str) -> StoredObject | None:
        """Look an object up; None where there is none, or none that these keys may see."""
        import obstore

        with self._translating(key):
            try:
                return _describe(obstore.head(self._store, key))
            except (FileNotFoundError, obstore.exceptions.PermissionDeniedError):
                return None

    def list(self, folder: str) -> tuple[StoredObject, ...]:
        """Give the objects whose keys begin with `folder/`, by key."""
        import obstore

        with self._translating(folder):
            below = [entry for page in obstore.list(self._store, folder) for entry in page]
        return tuple(sorted((_describe(entry) for entry in below), key=lambda stored: stored.key))

    def download(self, wanted: StoredObject, path: Path) -> None:
        """Write an object to a file, if it is still the one that was listed."""
        import obstore

        path.parent.mkdir(parents=True, exist_ok=True)
        with self._translating(wanted.key), path.open("wb") as file:
            options: Any = {"if_match": f'"{wanted.etag}"'} if wanted.etag else {}
            for part in obstore.get(self._store, wanted.key, options=options).stream():
                file.write(part)
        if path.stat().st_size != wanted.size:
            raise TransientError(
                f"{self._field} s3://{self._name}/{wanted.key} came with {path.stat().st_size} of"
                f" {wanted.size} bytes"
            )

    def read(self, key: str) -> bytes | None:
        """Give the content of a small object; None where there is none."""
        import obstore

        with self._translating(key):
            try:
                return bytes(obstore.get(self._store, key).bytes())
            except FileNotFoundError:
                return None

    def write(self, key: str, content: bytes | Path) -> str:
        """Write an object, whole or not at all; a file above PART_BYTES in parts.

        Returns:
            its ETag.
        """
        import obstore

        with self._translating(key):
            made = obstore.put(self._store, key, content, chunk_size=PART_BYTES, max_concurrency=4)
        return _strip(made["e_tag"])

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects."""
        import obstore

        for key in keys:
            with self._translating(key):
                obstore.delete(self._store, key)

    @contextmanager
    def _translating(self, key: str) -> Iterator[None]:
        import obstore

        context = f"{self._field} s3://{self._name}/{key}"
        try:
            yield
        except (obstore.exceptions.BaseError, FileNotFoundError) as error:
            # Without the cause: its text holds addresses and signed headers.
            raise explain(error, context) from None
        except OSError as error:  # of our own disk
            raise translate(error, context) from error


def choose_config(
    variables: Mapping[str, str], has_role: Callable[[], bool] | None = None
) -> dict[str, Any]:
    """Say how a bucket is reached and with which keys.

    Args:
        variables: the environment.
        has_role: tells whether the machine has a role; asked only where no variable says how to
            sign in.
    """
    names = {"endpoint": "AWS_ENDPOINT_URL", "session_token": "AWS_SESSION_TOKEN"}
    names |= {"access_key_id": "AWS_ACCESS_KEY_ID", "secret_access_key": "AWS_SECRET_ACCESS_KEY"}
    config: dict[str, Any] = {k: variables[v] for k, v in names.items() if variables.get(v)}
    config["region"] = (
        variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
    )
    if not any(variables.get(way) for way in WAYS_TO_SIGN_IN):
        config["skip_signature"] = not (has_role or _is_in_a_cloud)()
    return config


@functools.cache
def _is_in_a_cloud() -> bool:
    try:
        with socket.create_connection(METADATA_ADDRESS, timeout=1):
            return True
    except OSError:
        return False


def _describe(entry: Any) -> StoredObject:
    return StoredObject(entry["path"], entry["size"], _strip(entry["e_tag"]))


def _strip(etag: str | None) -> str:
    return (etag or "").strip('"')


def compute_etag(path: Path) -> str:
    """Give the ETag that a file has when it was sent by `Bucket.write` and is not encrypted."""
    parts = []
    with path.open("rb") as file:
        while part := file.read(PART_BYTES):
            parts.append(hashlib.md5(part, usedforsecurity=False))
    if len(parts) <= 1:
        return parts[0].hexdigest() if parts else hashlib.md5(usedforsecurity=False).hexdigest()
    joined = b"".join(part.digest() for part in parts)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(parts)}"
