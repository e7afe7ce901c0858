"""The seams of the runtime: what it asks of the cluster, of time and of an event writer.

`cluster.client.ApiClient` and tests/support's FakeCluster both satisfy Cluster.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, TypeAlias

from finetune_operator.core.kinds import Kind
from finetune_operator.core.plan import Notice
from finetune_operator.core.records import JobRecord

Document: TypeAlias = dict[str, Any]
Clock: TypeAlias = Callable[[], float]


class Cluster(Protocol):
    """The API server, as far as the runtime needs it. Every method may raise a ClusterError."""

    async def create(self, kind: Kind, document: Document) -> Document:
        """Create an object."""

    async def read(self, kind: Kind, namespace: str, name: str) -> Document:
        """Read one object."""

    def list(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        selector: str = "",
        metadata_only: bool = False,
    ) -> AsyncIterator[Document]:
        """List objects."""

    async def patch(self, kind: Kind, namespace: str, name: str, patch: Document) -> Document:
        """Change some fields of an object."""

    async def patch_status(
        self, namespace: str, name: str, status: Document, resource_version: str
    ) -> Document:
        """Change some fields of a FineTuneJob's status."""

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """Delete an object by its uid."""

    async def read_through_pod(self, namespace: str, name: str, port: int, path: str) -> bytes:
        """Ask a pod over HTTP."""


class Events(Protocol):
    """Where events go."""

    def post(self, job: JobRecord, notice: Notice, now: float) -> None:
        """Take an event; must not block."""
