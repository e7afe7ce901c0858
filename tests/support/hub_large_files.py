"""The part of the hub's API that takes large files: Git LFS, in one piece or in several.

A commit only names such a file by its hash; its bytes are sent before, to an address that is signed
and needs no token. `hub_writes` asks here first.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, dict[str, str], bytes]
ALWAYS_LARGE = (".safetensors", ".bin", ".onnx")
"""What a hub's .gitattributes sends this way whatever its size."""
SIGNATURE = "X-Amz-Signature=5f1e"


@dataclass
class LargeFiles:
    """What was sent so far.

    Attributes:
        threshold: files of this size are large.
        part_bytes: sends files in parts of this size; None in one piece.
        stored: whole files, by their SHA-256.
        refused: how many uploads are still to be answered with 503.
    """

    threshold: int = 10 * 2**20
    part_bytes: int | None = None
    stored: dict[str, bytes] = field(default_factory=dict)
    refused: int = 0
    _parts: dict[str, dict[int, bytes]] = field(default_factory=dict)

    def is_large(self, name: str, size: int) -> bool:
        """Say which way a file has to go."""
        return name.endswith(ALWAYS_LARGE) or size >= self.threshold

    def answer(self, url: str, method: str, target: str, sent: bytes) -> Answer | None:
        """Answer what is about large files; None for everything else."""
        parts = urlsplit(target)
        path = parts.path.strip("/").split("/")
        if path[2:] == ["info", "lfs", "objects", "batch"]:
            objects = [self._plan(url, entry) for entry in json.loads(sent)["objects"]]
            return _say(
                {"transfer": "multipart" if self.part_bytes else "basic", "objects": objects}
            )
        if path[0] != "large":
            return None
        if SIGNATURE not in parts.query:
            return 403, {}, b""
        if method == "PUT":
            return self._take(path[1], parse_qs(parts.query), sent)
        if path[-1] == "verify":
            return (200 if path[1] in self.stored else 404), {}, b""
        return self._join(path[1], json.loads(sent)["parts"])

    def _plan(self, url: str, entry: dict[str, Any]) -> dict[str, Any]:
        oid, size = entry["oid"], entry["size"]
        if oid in self.stored:
            return {"oid": oid, "size": size}
        address = f"{url}/large/{oid}"
        upload: dict[str, Any] = {"href": f"{address}?{SIGNATURE}"}
        if self.part_bytes:
            count = -(-size // self.part_bytes)
            numbers = range(1, count + 1)
            header = {str(n): f"{address}?part={n}&{SIGNATURE}" for n in numbers}
            upload["header"] = {"chunk_size": str(self.part_bytes), **header}
        verify = {"href": f"{address}/verify?{SIGNATURE}"}
        return {"oid": oid, "size": size, "actions": {"upload": upload, "verify": verify}}

    def _take(self, oid: str, query: dict[str, list[str]], sent: bytes) -> Answer:
        if self.refused:
            self.refused -= 1
            return 503, {}, b""
        if "part" in query:
            self._parts.setdefault(oid, {})[int(query["part"][0])] = sent
            return 200, {"ETag": hashlib.md5(sent, usedforsecurity=False).hexdigest()}, b""
        return self._store(oid, sent)

    def _join(self, oid: str, named: Iterable[dict[str, Any]]) -> Answer:
        parts = self._parts.pop(oid, {})
        return self._store(oid, b"".join(parts[entry["partNumber"]] for entry in named))

    def _store(self, oid: str, content: bytes) -> Answer:
        if hashlib.sha256(content).hexdigest() != oid:
            return 422, {}, b""
        self.stored[oid] = content
        return 200, {}, b""


def _say(content: Any) -> Answer:
    return 200, {"Content-Type": "application/vnd.git-lfs+json"}, json.dumps(content).encode()
