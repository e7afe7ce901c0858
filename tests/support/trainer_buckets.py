"""A bucket in memory, for tests of what is done with one; it fails when it is told to."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from finetune_trainer.stores.buckets import StoredObject

Fault = Callable[[str, str], None]
"""Called before each change with its kind and key; may raise."""


class FakeBucket:
    """Objects by key."""

    def __init__(self, **objects: bytes) -> None:
        self.objects: dict[str, bytes] = dict(objects)
        self.changes: list[str] = []
        self.fault: Fault = lambda kind, key: None

    def put(self, **objects: bytes) -> None:
        """Let somebody else write; keys are given with `__` for a slash."""
        self.objects |= {key.replace("__", "/"): content for key, content in objects.items()}

    def find(self, key: str) -> StoredObject | None:
        return self._describe(key) if key in self.objects else None

    def list(self, folder: str) -> tuple[StoredObject, ...]:
        return tuple(self._describe(k) for k in sorted(self.objects) if k.startswith(f"{folder}/"))

    def download(self, wanted: StoredObject, path: Path) -> None:
        self._change("GET", wanted.key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.objects[wanted.key])

    def read(self, key: str) -> bytes | None:
        return self.objects.get(key)

    def write(self, key: str, content: bytes | Path) -> str:
        self._change("PUT", key)
        self.objects[key] = content if isinstance(content, bytes) else content.read_bytes()
        return self._describe(key).etag

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._change("DELETE", key)
            self.objects.pop(key, None)

    def _change(self, kind: str, key: str) -> None:
        self.fault(kind, key)
        self.changes.append(f"{kind} {key}")

    def _describe(self, key: str) -> StoredObject:
        content = self.objects[key]
        etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
        return StoredObject(key, len(content), etag)
