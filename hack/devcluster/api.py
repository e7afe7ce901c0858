"""The API server as our nodes see it: a few verbs over raw objects, and an endless watch.

Raw JSON on purpose: a stand-in for the kubelet has to write exactly the fields the kubelet
writes, nothing a typed model would add or drop. Used by `process_node`, `scripted_node` and tests.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias, TypeVar

import aiohttp

from devcluster.errors import ApiError
from devcluster.kubeconfigs import Kubeconfig

Object: TypeAlias = dict[str, Any]
Answer = TypeVar("Answer")

MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
JSON_CONTENT = "application/json"

NOT_FOUND = 404
CONFLICT = 409
GONE = 410
TOO_MANY_REQUESTS = 429
SERVER_ERROR = 500

LONGEST_RETRY_SECONDS = 5.0
# Watch lines hold whole objects: a pod of 1 MiB must fit.
READ_BUFFER_BYTES = 2**21

CONNECTION_ERRORS = (aiohttp.ClientError, asyncio.TimeoutError, OSError)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listed:
    """The whole collection; what a follower knew before and is not in here is gone."""

    items: tuple[Object, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Changed:
    """One object was added, modified or deleted."""

    kind: Literal["ADDED", "MODIFIED", "DELETED"]
    item: Object


class Api:
    """A connection to one API server."""

    def __init__(self, kubeconfig: Path) -> None:
        """Read the kubeconfig; nothing is sent before the first request."""
        self._config = Kubeconfig.read(kubeconfig)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the connection pool; without a limit, since every watch holds a connection."""
        connector = aiohttp.TCPConnector(ssl=self._config.build_ssl_context(), limit=0)
        self._session = aiohttp.ClientSession(
            connector=connector,
            read_bufsize=READ_BUFFER_BYTES,
            timeout=aiohttp.ClientTimeout(total=30),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        if self._session:
            await self._session.close()

    @property
    def authority(self) -> bytes:
        """The certificate authority of the cluster, as PEM."""
        return self._config.authority

    async def read(self, path: str, **parameters: str) -> Object:
        """Read an object or a collection."""
        return await self._request("GET", path, parameters=parameters)

    async def create(self, path: str, item: Object) -> Object:
        """Create an object in the collection at `path`."""
        return await self._request("POST", path, item)

    async def patch(self, path: str, change: Object, form: str = STRATEGIC_PATCH) -> Object:
        """Patch an object; the default form merges lists by their key, as a kubelet does."""
        return await self._request("PATCH", path, change, content_type=form)

    async def delete(self, path: str, options: Object | None = None) -> None:
        """Delete an object; one that is gone already counts as deleted."""
        with suppress_status(NOT_FOUND):
            await self._request("DELETE", path, options)

    async def list_collection(self, path: str, **parameters: str) -> Listed:
        """Read a collection with the version from which it can be watched."""
        answer = await self.read(path, **parameters)
        return Listed(tuple(answer.get("items") or ()), answer["metadata"]["resourceVersion"])

    async def watch(self, path: str, version: str, **parameters: str) -> AsyncIterator[Object]:
        """Give raw watch events after `version` until the server ends the stream."""
        query = {
            **parameters,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
        }
        no_limit = aiohttp.ClientTimeout(total=None, sock_connect=10)
        async with self._open().get(self._url(path), params=query, timeout=no_limit) as response:
            await _raise_for_status(response)
            async for line in response.content:
                if not line.endswith(b"\n"):  # the server was cut off in the middle of an event
                    return
                event: Object = json.loads(line)
                if event["type"] == "ERROR":
                    raise _build_error(event["object"], GONE)
                yield event

    async def follow(self, path: str, **parameters: str) -> AsyncIterator[Listed | Changed]:
        """Give a collection and then every change, for ever, over all failures of the connection.

        A broken stream is taken up where it ended; only when the server no longer knows that
        version the whole collection is given again.
        """
        version: str | None = None
        retry = Retry()
        while True:
            try:
                if version is None:
                    listed = await self.list_collection(path, **parameters)
                    version = listed.version
                    yield listed
                async for event in self.watch(path, version, **parameters):
                    version = event["object"]["metadata"]["resourceVersion"]
                    retry = Retry()
                    if event["type"] != "BOOKMARK":
                        yield Changed(event["type"], event["object"])
            except ApiError as error:
                log.info("watch of %s: %s", path, error)
                version = None
                await retry.pause()
            except CONNECTION_ERRORS as error:
                log.info("watch of %s: %s", path, error)
                await retry.pause()

    async def wait_for_change(self, path: str, version: str, **parameters: str) -> None:
        """Return when anything in the collection changed after `version`."""
        with suppress(ApiError, *CONNECTION_ERRORS):  # then the caller looks again, which is right
            async for event in self.watch(path, version, **parameters):
                if event["type"] != "BOOKMARK":
                    return

    async def _request(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        *,
        parameters: Mapping[str, str] | None = None,
        content_type: str = JSON_CONTENT,
    ) -> Object:
        content = None if body is None else json.dumps(body).encode()
        async with self._open().request(
            method,
            self._url(path),
            data=content,
            params=parameters,
            headers={"Content-Type": content_type},
        ) as response:
            await _raise_for_status(response)
            answer: Object = await response.json()
            return answer

    def _open(self) -> aiohttp.ClientSession:
        assert self._session, "use the Api as an async context manager"
        return self._session

    def _url(self, path: str) -> str:
        return f"{self._config.url}{path}"


class Retry:
    """Growing pauses with jitter between attempts at a server that does not answer."""

    def __init__(self) -> None:
        self._seconds = 0.05

    async def pause(self) -> None:
        """Wait a little; longer every time."""
        await asyncio.sleep(self._seconds * random.uniform(0.5, 1.0))
        self._seconds = min(2 * self._seconds, LONGEST_RETRY_SECONDS)


async def persist(attempt: Callable[[], Awaitable[Answer]]) -> Answer:
    """Make a request again and again until the server answers; its refusals are raised.

    For a node that has to live through a restart of the API server.
    """
    retry = Retry()
    while True:
        try:
            return await attempt()
        except Exception as error:
            if not is_worth_retrying(error):
                raise
            log.info("trying again: %s", error)
        await retry.pause()


@contextmanager
def suppress_status(*statuses: int) -> Iterator[None]:
    """Ignore an ApiError of the given statuses only."""
    try:
        yield
    except ApiError as error:
        if error.status not in statuses:
            raise


def is_worth_retrying(error: Exception) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, ApiError):
        return error.status == TOO_MANY_REQUESTS or error.status >= SERVER_ERROR
    return isinstance(error, CONNECTION_ERRORS)


async def _raise_for_status(response: aiohttp.ClientResponse) -> None:
    if response.status < 400:
        return
    text = await response.text()
    try:
        raise _build_error(json.loads(text), response.status)
    except ValueError:
        raise ApiError(response.status, response.reason or "", text.strip()) from None


def _build_error(status: Object, code: int) -> ApiError:
    return ApiError(status.get("code", code), status.get("reason", ""), status.get("message", ""))
