"""Answers `kubectl logs` for the containers of one node.

The API server asks the node under the address and port in its Node object, with a client
certificate of the cluster's authority; nobody else is let in. Our own certificate nobody checks,
as with most kubelets. Only logs: exec, attach and port-forward are not there.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from aiohttp import web

from devcluster.certificates import CertificateAuthority

LOOPBACK = "127.0.0.1"
CHUNK_BYTES = 64 * 1024
FOLLOW_SECONDS = 0.1  # nothing tells us that a file grew

LogPath = Callable[[str, str, str], Path]
IsRunning = Callable[[str, str, str], bool]


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What the reader of a log wants."""

    follows: bool = False
    previous: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None

    @classmethod
    def parse(cls, query: dict[str, str]) -> Self:
        """Read the options of the API server's request; others, such as times, are ignored."""

        def read_number(name: str) -> int | None:
            return int(query[name]) if name in query else None

        return cls(
            follows=query.get("follow") == "true",
            previous=query.get("previous") == "true",
            tail_lines=read_number("tailLines"),
            limit_bytes=read_number("limitBytes"),
        )


class LogServer:
    """The log part of a kubelet's API."""

    def __init__(self, authority: bytes, log_path: LogPath, is_running: IsRunning) -> None:
        """Prepare a server.

        Args:
            authority: who signs the certificates of those let in, as PEM.
            log_path: gives the log of a namespace, pod and container.
            is_running: whether that container runs, so that its log may still grow.
        """
        self._authority = authority
        self._log_path = log_path
        self._is_running = is_running
        application = web.Application()
        route = "/containerLogs/{namespace}/{pod}/{container}"
        application.router.add_get(route, self._answer)
        # What still follows a log when the node stops must not hold it up.
        self._runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)

    async def start(self) -> int:
        """Listen on a free port and give it."""
        await self._runner.setup()
        listener = socket.create_server((LOOPBACK, 0))
        site = web.SockSite(self._runner, listener, ssl_context=self._build_ssl_context())
        await site.start()
        port: int = listener.getsockname()[1]
        return port

    async def stop(self) -> None:
        """Stop listening and drop whoever still follows."""
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        names = request.match_info
        where = names["namespace"], names["pod"], names["container"]
        options = LogOptions.parse(dict(request.query))
        log = self._log_path(*where)
        if options.previous:
            log = log.with_suffix(".previous.log")
        if not log.exists():
            return web.Response(status=404, text=f"no log of {'/'.join(where)} on this node")
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        with log.open("rb") as file:
            async for chunk in self._read(file, options, lambda: self._is_running(*where)):
                await response.write(chunk)
        await response.write_eof()
        return response

    async def _read(
        self, file: BinaryIO, options: LogOptions, may_grow: Callable[[], bool]
    ) -> AsyncIterator[bytes]:
        if options.tail_lines is not None:
            file.seek(find_tail(file, options.tail_lines))
        left = options.limit_bytes
        while left is None or left > 0:
            is_last_look = not (options.follows and may_grow())
            chunk = file.read(CHUNK_BYTES)[:left]
            if chunk:
                left = None if left is None else left - len(chunk)
                yield chunk
            elif is_last_look:
                return
            else:
                await asyncio.sleep(FOLLOW_SECONDS)

    def _build_ssl_context(self) -> ssl.SSLContext:
        pair = CertificateAuthority.create().issue_server(["localhost"], [LOOPBACK])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=self._authority.decode())
        with tempfile.TemporaryDirectory() as folder:
            context.load_cert_chain(*pair.write(Path(folder), "server"))
        return context


def find_tail(file: BinaryIO, lines: int) -> int:
    """Give the offset at which the last lines of a file begin."""
    if lines <= 0:
        return file.seek(0, 2)
    content = file.read()
    position = len(content.removesuffix(b"\n"))
    for _ in range(lines):
        position = content.rfind(b"\n", 0, position)
        if position < 0:
            return 0
    return position + 1
