"""The least that speaks to an API server: one pooled session, dicts in and dicts out.

It is the yardstick: whatever the operator adds to this is the operator's own cost.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from devcluster.kubeconfigs import Kubeconfig

JOBS = "/apis/finetune.dev/v1alpha1/namespaces/{namespace}/finetunejobs"
BATCH_JOBS = "/apis/batch/v1/namespaces/{namespace}/jobs"
CONFIG_MAPS = "/api/v1/namespaces/{namespace}/configmaps"
NAMESPACES = "/api/v1/namespaces"
_MAX_LINE_BYTES = 2**22


class ApiSession:
    """An API server, for an asyncio program."""

    def __init__(self, kubeconfig: Path, connections: int = 32) -> None:
        read = Kubeconfig.read(kubeconfig)
        self._url = read.url
        self._tls = read.build_ssl_context()
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=self._connections, ssl=self._tls)
        self._session = aiohttp.ClientSession(
            connector=connector, read_bufsize=_MAX_LINE_BYTES, timeout=aiohttp.ClientTimeout(None)
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def send(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json"
    ) -> dict[str, Any]:
        """Send one request.

        Raises:
            aiohttp.ClientResponseError: the server refused it.
        """
        assert self._session is not None
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": content_type}
        async with self._session.request(
            method, self._url + path, data=data, headers=headers
        ) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise aiohttp.ClientResponseError(
                    answer.request_info, answer.history, status=answer.status, message=text[:500]
                )
            decoded: dict[str, Any] = json.loads(text)
            return decoded

    async def watch(self, path: str, started: asyncio.Event) -> AsyncIterator[dict[str, Any]]:
        """Give events from now on; `started` is set when none can be missed any more."""
        assert self._session is not None
        version = (await self.send("GET", path))["metadata"]["resourceVersion"]
        target = f"{self._url}{path}?watch=1&resourceVersion={version}"
        async with self._session.get(target) as answer:
            started.set()
            async for line in answer.content:
                yield json.loads(line)
