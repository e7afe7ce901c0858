"""Stands between an operator and its API server, and does what networks and power cuts do.

Plain HTTP towards the operator, the administrator's certificate towards the API server. It notes
every write, and at the one it is armed for it kills the operator before or after the server has
seen it, or loses the answer. Needs no hook in the product.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import aiohttp
from aiohttp import web

from devcluster.kubeconfigs import Kubeconfig

Moment = Literal["before", "after", "lost"]
MUTATING = ("POST", "PUT", "PATCH", "DELETE")
KEPT_HEADERS = ("Content-Type", "Accept")


@dataclass
class Proxy:
    """What the proxy saw, and what it shall do.

    Attributes:
        writes: verb and path of every write but events, in the order they came.
        armed: the number of the write to strike at, and how.
        strike: what to do then, for example kill the operator.
        is_down: whether to answer 503 to everything.
        has_struck: whether the strike is over.
    """

    port: int = 0
    writes: list[str] = field(default_factory=list)
    armed: tuple[int, Moment] | None = None
    strike: Callable[[], None] = lambda: None
    is_down: bool = False
    has_struck: bool = False

    def write_kubeconfig(self, target: Path) -> Path:
        server = f"http://127.0.0.1:{self.port}"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "proxy", "cluster": {"server": server}}],
            "users": [{"name": "nobody", "user": {}}],
            "contexts": [{"name": "it", "context": {"cluster": "proxy", "user": "nobody"}}],
            "current-context": "it",
        }
        target.write_text(json.dumps(config))
        return target

    def note(self, request: web.Request) -> Moment | None:
        """Count a write; say whether it is the one to strike at."""
        if request.method not in MUTATING or request.path.endswith("/events"):
            return None
        self.writes.append(f"{request.method} {request.path.split('/namespaces/')[-1]}")
        if self.armed is None or len(self.writes) != self.armed[0]:
            return None
        return self.armed[1]

    def hit(self) -> None:
        """Strike; say so only when it is done, for the test then starts the operator anew."""
        self.strike()
        self.has_struck = True


@contextlib.contextmanager
def faulty_proxy(kubeconfig: Path) -> Iterator[Proxy]:
    """Run a proxy in a thread."""
    proxy, up, down = Proxy(), threading.Event(), threading.Event()
    thread = threading.Thread(
        target=lambda: asyncio.run(_serve(proxy, Kubeconfig.read(kubeconfig), up, down)),
        daemon=True,
    )
    thread.start()
    assert up.wait(20), "the proxy did not come up"
    try:
        yield proxy
    finally:
        down.set()
        thread.join(20)


async def _serve(
    proxy: Proxy, target: Kubeconfig, up: threading.Event, down: threading.Event
) -> None:
    connector = aiohttp.TCPConnector(ssl=target.build_ssl_context(), limit=0)
    async with aiohttp.ClientSession(connector=connector, read_bufsize=2**21) as session:

        async def handle(request: web.Request) -> web.StreamResponse:
            return await _handle(proxy, session, target.url, request)

        app = web.Application(client_max_size=2**22)
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        proxy.port = runner.addresses[0][1]
        up.set()
        await asyncio.to_thread(down.wait)
        await runner.cleanup()


async def _handle(
    proxy: Proxy, session: aiohttp.ClientSession, server: str, request: web.Request
) -> web.StreamResponse:
    if proxy.is_down:
        return web.Response(status=503)
    moment = proxy.note(request)
    if moment == "before":
        proxy.hit()
        return web.Response(status=502)
    answer = await _forward(proxy, session, server, request)
    if moment is not None:
        if moment == "after":
            proxy.hit()
        assert request.transport is not None
        request.transport.abort()
    return answer


async def _forward(
    proxy: Proxy, session: aiohttp.ClientSession, server: str, request: web.Request
) -> web.StreamResponse:
    headers = {n: request.headers[n] for n in KEPT_HEADERS if n in request.headers}
    limit = aiohttp.ClientTimeout(total=None)
    asked = session.request(
        request.method,
        server + request.path_qs,
        headers=headers,
        data=await request.read() or None,
        timeout=limit,
    )
    async with asked as response:
        if "watch" not in request.query:
            content = await response.read()
            kind = response.content_type
            return web.Response(status=response.status, body=content, content_type=kind)
        return await _stream(proxy, request, response)


async def _stream(
    proxy: Proxy, request: web.Request, response: aiohttp.ClientResponse
) -> web.StreamResponse:
    stream = web.StreamResponse(status=response.status)
    await stream.prepare(request)
    with contextlib.suppress(aiohttp.ClientError, ConnectionError):
        async for chunk in response.content.iter_any():
            if proxy.is_down:
                break
            await stream.write(chunk)
    return stream
