"""A real object store for tests: versitygw, which checks signatures and keeps objects as files.

Point the variables of `S3Server.variables()` at a trainer. What lies in a bucket is a file below
`S3Server.root`; what is put there goes through the API, so that it has an ETag.
"""

from __future__ import annotations

import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import obstore
from obstore.store import S3Store

from chart_operators import pick_free_ports
from devcluster import binaries
from devcluster.leashed_processes import LeashedProcess
from polling import poll

ACCESS_KEY = "team-access-key"
SECRET_KEY = "canary-secret-key-8d1f"


class S3Server:
    """An object store in a folder; a context manager that leaves no process behind."""

    def __init__(
        self,
        folder: Path,
        *,
        is_readonly: bool = False,
        keys: tuple[str, str] = (ACCESS_KEY, SECRET_KEY),
    ) -> None:
        """Prepare.

        Args:
            folder: keeps buckets; two servers may share one.
            is_readonly: whether writes are refused, to everybody.
            keys: what opens it: the name of the key, and the secret.
        """
        self._keys = keys
        self.root = folder / "buckets"
        self._sidecar = folder / "sidecar"
        self._log = folder / f"s3-{'readonly' if is_readonly else 'server'}.log"
        self._flags = ["--readonly"] if is_readonly else []

    def __enter__(self) -> Self:
        for made in (self.root, self._sidecar):
            made.mkdir(parents=True, exist_ok=True)
        (self._port,) = pick_free_ports(1)
        command = [
            str(binaries.ensure("versitygw")),
            "--port",
            f"127.0.0.1:{self._port}",
            "--quiet",
        ]
        command += ["--access", self._keys[0], "--secret", self._keys[1], *self._flags]
        command += ["posix", "--sidecar", str(self._sidecar), str(self.root)]
        self._process = LeashedProcess("versitygw", command, self._log)
        poll(self._answers, f"the object store answers; its log is {self._log}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.stop(grace_seconds=0)

    @property
    def url(self) -> str:
        """What AWS_ENDPOINT_URL should be."""
        return f"http://127.0.0.1:{self._port}"

    def variables(self, **changes: str) -> dict[str, str]:
        """Give what a Secret would bring into a pod."""
        name, secret = self._keys
        known = {"AWS_ACCESS_KEY_ID": name, "AWS_SECRET_ACCESS_KEY": secret}
        return {**known, "AWS_ENDPOINT_URL": self.url, **changes}

    def make_bucket(self, name: str) -> None:
        """Make an empty bucket."""
        (self.root / name).mkdir()

    def put(self, bucket: str, key: str, content: bytes) -> None:
        """Write an object as another client would."""
        obstore.put(self._open(bucket), key, content)

    def put_folder(self, bucket: str, prefix: str, folder: Path) -> None:
        """Write every file of a folder below a prefix."""
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            self.put(bucket, f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object."""
        obstore.delete(self._open(bucket), key)

    def list(self, bucket: str, prefix: str) -> list[str]:
        """Give the names below a prefix."""
        pages: Any = obstore.list(self._open(bucket), prefix)
        return sorted(entry["path"].removeprefix(f"{prefix}/") for page in pages for entry in page)

    def _open(self, bucket: str) -> S3Store:
        return S3Store(
            bucket,
            config={
                "access_key_id": self._keys[0],
                "secret_access_key": self._keys[1],
                "region": "us-east-1",
                "endpoint": self.url,
            },
            client_options={"allow_http": True},
        )

    def _answers(self) -> bool:
        self._process.check_running()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0
