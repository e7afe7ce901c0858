"""kopf as informer: lists, watches, reconnects and signs in, and tells the store what it hears.

The handlers do no I/O and cannot fail, since kopf neither bounds nor retries them; everything that
takes time happens in our own queue. No finalizers, no annotations, no patches by kopf, no indexes
and no timers: each of them costs a write, a task or a race per object.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

import kopf

from finetune_operator.cluster.connections import Endpoint
from finetune_operator.core.kinds import FINETUNE_JOBS, WATCHED, Kind
from finetune_operator.core.records import Key
from finetune_operator.runtime.storages import NoDiffBase, NoProgress
from finetune_operator.runtime.store import Store
from finetune_operator.runtime.sweep import selector_of


class Forever:
    """Pauses between tries that never end: a server that is down for an hour comes back too."""

    first = (0.1, 0.25, 0.5, 1.0)
    last_seconds = 2.0

    def __iter__(self) -> Iterator[float]:
        yield from self.first
        while True:
            yield self.last_seconds * random.uniform(0.75, 1.25)


class Informer:
    """Feeds the store and nudges the queue."""

    def __init__(
        self,
        store: Store,
        add: Callable[[Key], None],
        add_soon: Callable[[Key], None],
        on_listing: Callable[[], None],
    ) -> None:
        self._store = store
        self._add = add
        self._add_soon = add_soon
        self._on_listing = on_listing

    def hear(self, kind: Kind, event: dict[str, Any]) -> None:
        """Take in one event: `type` is None for what a list brought, else what a watch said."""
        raw = event["object"]
        if event["type"] == "DELETED":
            key = self._store.remove(kind, raw)
        else:
            key = self._store.apply(kind, raw)
        if event["type"] is None:
            self._on_listing()
        if key is not None:
            # In a burst, starting the next job matters more than telling how the last one goes.
            (self._add if kind == FINETUNE_JOBS else self._add_soon)(key)

    def build_registry(self, sign_in: Callable[[], Any]) -> kopf.OperatorRegistry:
        """Give kopf's handlers: one per kind, and one that gives the credentials."""
        registry = kopf.OperatorRegistry()
        for kind in WATCHED:
            self._register(registry, kind)

        async def login(**_: Any) -> kopf.ConnectionInfo:
            return describe_endpoint(await sign_in())

        kopf.on.login(registry=registry)(login)
        return registry

    def _register(self, registry: kopf.OperatorRegistry, kind: Kind) -> None:
        async def heard(event: Any, **_: Any) -> None:
            self.hear(kind, event)

        kopf.on.event(
            kind.group, kind.version, kind.plural, registry=registry, id=f"hear-{kind.plural}"
        )(heard)


def describe_endpoint(endpoint: Endpoint) -> kopf.ConnectionInfo:
    """Put an endpoint in kopf's words."""
    return kopf.ConnectionInfo(
        server=endpoint.server,
        ca_path=endpoint.ca_path,
        insecure=not endpoint.verifies,
        scheme="Bearer" if endpoint.token else None,
        token=endpoint.token,
        certificate_path=endpoint.certificate_path,
        private_key_path=endpoint.private_key_path,
    )


def build_kopf_settings() -> kopf.OperatorSettings:
    """Give kopf's settings; each one answers a way in which an operator has been seen to die."""
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True
    settings.posting.enabled = False
    # Needs no right to watch definitions and namespaces; without the definition we do not start.
    settings.scanning.disabled = True
    # A limit would let idle workers of kopf hold their places for seconds; our queue has the limit.
    settings.queueing.worker_limit = None
    settings.queueing.idle_timeout = 0.2
    settings.queueing.exit_timeout = 2.0
    settings.networking.connect_timeout = 5
    settings.networking.request_timeout = 30
    settings.networking.error_backoffs = Forever()
    settings.networking.enforce_retry_after = True
    settings.watching.connect_timeout = 5
    settings.watching.reconnect_backoff = 0.1
    settings.watching.inactivity_timeout = 70
    settings.watching.server_timeout = 600
    settings.watching.chunk_size = 500
    settings.execution.max_workers = 1
    settings.persistence.diffbase_storage = NoDiffBase()
    settings.persistence.progress_storage = NoProgress()
    for kind in WATCHED:
        if selector := selector_of(kind):
            settings.watching.label_selectors[kind.group, kind.version, kind.plural] = selector
    return settings
