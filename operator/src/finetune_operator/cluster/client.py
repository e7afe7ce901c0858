"""Requests to the API server: dicts in, dicts out.

Rides on the transport and the configuration of the official client. Its typed models are left
aside: decoding a pod into them costs more than everything else this operator does with it.
Satisfies `runtime.ports.Cluster`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from finetune_operator.cluster.connections import read_authorization
from finetune_operator.cluster.errors import UnavailableError, build_error
from finetune_operator.core import kinds
from finetune_operator.core.kinds import Kind

Document = dict[str, Any]
Observer = Callable[[str, int, float], None]
"""Is told verb, status and seconds of every request."""

PAGE_SIZE = 500
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class ApiClient:
    """A connection pool to one API server.

    Attributes:
        observe: is told of every request.
    """

    def __init__(
        self,
        configuration: Configuration,
        timeout_seconds: float,
        observe: Observer = lambda verb, status, seconds: None,
    ) -> None:
        self._configuration = configuration
        self._transport = RESTClientObject(configuration)
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self.observe = observe

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    async def create(self, kind: Kind, document: Document) -> Document:
        """Create an object.

        Raises:
            AlreadyExistsError: its name is taken.
        """
        path = kind.path(document["metadata"]["namespace"])
        return await self._request("POST", path, body=document)

    async def read(self, kind: Kind, namespace: str, name: str) -> Document:
        """Read one object."""
        return await self._request("GET", kind.path(namespace, name))

    async def list(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        selector: str = "",
        metadata_only: bool = False,
    ) -> AsyncIterator[Document]:
        """List objects page by page, of one namespace or of all.

        Args:
            kind: of object.
            namespace: None for all.
            selector: of labels.
            metadata_only: leaves spec and status out; the sweep compares thousands of objects.
        """
        query = {"limit": str(PAGE_SIZE)} | ({"labelSelector": selector} if selector else {})
        accept = METADATA_ONLY if metadata_only else JSON
        while True:
            path = f"{kind.path(namespace)}?{urlencode(query)}"
            page = await self._request("GET", path, accept=accept)
            for item in page["items"] or ():  # null in an empty list of metadata
                yield item
            following = page["metadata"].get("continue")
            if not following:
                return
            query["continue"] = following

    async def patch(self, kind: Kind, namespace: str, name: str, patch: Document) -> Document:
        """Change some fields of an object."""
        return await self._request("PATCH", kind.path(namespace, name), MERGE_PATCH, body=patch)

    async def patch_status(
        self, namespace: str, name: str, status: Document, resource_version: str
    ) -> Document:
        """Change some fields of a FineTuneJob's status, if nobody else changed the job since.

        Raises:
            ConflictError: somebody did.
        """
        path = kinds.FINETUNE_JOBS.path(namespace, name) + "/status"
        body = {"metadata": {"resourceVersion": resource_version}, "status": status}
        return await self._request("PATCH", path, MERGE_PATCH, body=body)

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """Delete an object if it is still the one with that uid."""
        options = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}
        await self._request("DELETE", kind.path(namespace, name), body=options)

    async def read_through_pod(self, namespace: str, name: str, port: int, path: str) -> bytes:
        """Ask a pod over HTTP by way of the API server."""
        pod = kinds.PODS.path(namespace, f"{name}:{port}")
        return await self._send("GET", f"{pod}/proxy{path}")

    async def _request(
        self,
        verb: str,
        path: str,
        content_type: str = JSON,
        *,
        body: Document | None = None,
        accept: str = JSON,
    ) -> Document:
        answer = await self._send(verb, path, content_type, body=body, accept=accept)
        try:
            document: Document = json.loads(answer)
        except ValueError as error:
            raise UnavailableError(f"{verb} {path}: the answer is no JSON") from error
        return document

    async def _send(
        self,
        verb: str,
        path: str,
        content_type: str = JSON,
        *,
        body: Document | None = None,
        accept: str = JSON,
    ) -> bytes:
        loop = asyncio.get_running_loop()
        began_at, status = loop.time(), 0
        headers = await read_authorization(self._configuration)
        headers |= {"Content-Type": content_type, "Accept": accept}
        try:
            response = await self._transport.request(  # type: ignore[no-untyped-call]
                verb,
                self._configuration.host + path,
                headers=headers,
                body=body,
                _request_timeout=self._timeout,
            )
            status = response.status
            content: bytes = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnavailableError(f"{verb} {path}: {error or type(error).__name__}") from error
        finally:
            self.observe(verb, status, loop.time() - began_at)
        if status >= 400:
            known: Mapping[str, str] = response.headers
            raise build_error(status, content, known)
        return content
