"""Reads and writes kubeconfig files.

Ours hold the certificates themselves, so one file is all a client needs and it can be copied
anywhere. Read by `api` (node, tests), written by `control_plane`.
"""

from __future__ import annotations

import base64
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import yaml

from devcluster.certificates import KeyPair, write_private
from devcluster.errors import DevClusterError


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """Where an API server is, whom to trust and who we are."""

    url: str
    authority: bytes
    client: KeyPair

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the current context of a file; it must use a client certificate."""
        document = yaml.safe_load(path.read_text())
        context = _find(document, "context", document["current-context"])
        cluster = _find(document, "cluster", context["cluster"])
        user = _find(document, "user", context["user"])
        return cls(
            url=cluster["server"],
            authority=_read_pem(cluster, "certificate-authority", path),
            client=KeyPair(
                certificate=_read_pem(user, "client-certificate", path),
                key=_read_pem(user, "client-key", path),
            ),
        )

    def write(self, path: Path, *, name: str = "devcluster", namespace: str = "default") -> None:
        """Write a file with one context."""
        user = {
            "client-certificate-data": _encode(self.client.certificate),
            "client-key-data": _encode(self.client.key),
        }
        cluster = {"server": self.url, "certificate-authority-data": _encode(self.authority)}
        context = {"cluster": name, "user": name, "namespace": namespace}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": context}],
            "current-context": name,
        }
        write_private(path, yaml.safe_dump(document, sort_keys=False).encode())

    def build_ssl_context(self) -> ssl.SSLContext:
        """Build what a TLS client needs; ssl reads keys from files only, so one comes and goes."""
        context = ssl.create_default_context(cadata=self.authority.decode())
        with tempfile.NamedTemporaryFile() as file:  # mode 0600
            file.write(self.client.certificate + self.client.key)
            file.flush()
            context.load_cert_chain(file.name)
        return context


def _find(document: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    for entry in document[f"{kind}s"]:
        if entry["name"] == name:
            found: dict[str, Any] = entry[kind]
            return found
    raise DevClusterError(f"the kubeconfig names {kind} {name!r} but does not define it")


def _read_pem(entry: dict[str, str], key: str, path: Path) -> bytes:
    if data := entry.get(f"{key}-data"):
        return base64.b64decode(data)
    if file := entry.get(key):
        return (path.parent / file).read_bytes()
    raise DevClusterError(f"{path} has no {key}; only client certificates are supported")


def _encode(content: bytes) -> str:
    return base64.b64encode(content).decode()
