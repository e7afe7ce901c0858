"""Compares what is known with what is there, now and then, by lists of metadata.

A watch can miss a deletion (its expiry hides what happened in between) and can die without a word.
The sweep finds both: it drops what is gone, fetches what the watch kept from us, and tells `health`
whether the watch can be believed. The first one fills the store before anything is reconciled.
"""

import asyncio
import logging
import random
from collections.abc import Callable

from finetune_operator.cluster.errors import ClusterError, NotFoundError
from finetune_operator.core import kinds, names
from finetune_operator.core.kinds import WATCHED, Kind
from finetune_operator.core.records import Key
from finetune_operator.runtime.observers import Observers
from finetune_operator.runtime.ports import Clock, Cluster, Document
from finetune_operator.runtime.store import Store, is_newer_version

log = logging.getLogger(__name__)

GRACE_SECONDS = 5.0
"""A change younger than this may still be on its way through the watch."""
JITTER = 0.2
SETTLE_SECONDS = 2.0


class Sweep:
    """Keeps the store honest.

    Attributes:
        finished_at: when the last sweep ended; 0 before the first.
        missed_in_a_row: sweeps that found changes the watch had not told.
    """

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        add: Callable[[Key], None],
        observers: Observers,
        clock: Clock,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._add = add
        self._observers = observers
        self._clock = clock
        self._grace_seconds = grace_seconds
        self._asked = asyncio.Event()
        self.finished_at = 0.0
        self.missed_in_a_row = 0

    def ask(self) -> None:
        """Ask for a sweep soon: the informer listed anew, so it may have missed deletions."""
        self._asked.set()

    async def fill(self, namespaces: tuple[str, ...]) -> None:
        """List everything once, whole, and ask for a look at every job."""
        for kind in WATCHED:
            for namespace in namespaces or (None,):
                async for raw in self._cluster.list(kind, namespace, selector=selector_of(kind)):
                    self._store.apply(kind, raw)
        for key in self._store.jobs:
            self._add(key)
        self.finished_at = self._clock()

    async def run(self, namespaces: tuple[str, ...], pause_seconds: float) -> None:
        """Sweep until cancelled."""
        while True:
            pause = pause_seconds * (1 + JITTER * (2 * random.random() - 1))
            try:
                await asyncio.wait_for(self._asked.wait(), pause)
                await asyncio.sleep(SETTLE_SECONDS)  # a list comes in many events
            except TimeoutError:
                pass
            self._asked.clear()
            try:
                await self.sweep(namespaces)
            except ClusterError as error:
                log.warning("the sweep was broken off: %s", error)

    async def sweep(self, namespaces: tuple[str, ...]) -> None:
        """Compare once, and mend."""
        missed = 0
        for kind in WATCHED:
            missed += await self._sweep_kind(kind, namespaces)
        self.missed_in_a_row = self.missed_in_a_row + 1 if missed else 0
        self.finished_at = self._clock()

    async def _sweep_kind(self, kind: Kind, namespaces: tuple[str, ...]) -> int:
        before = self._store.list_versions(kind)
        present: dict[str, Document] = {}
        for namespace in namespaces or (None,):
            async for raw in self._cluster.list(
                kind, namespace, selector=selector_of(kind), metadata_only=True
            ):
                present[raw["metadata"]["uid"]] = raw["metadata"]
        still_known = self._store.list_versions(kind)
        for uid, (place, _) in before.items():
            if uid not in present and uid in still_known:
                self._drop(kind, uid, place)
        behind = self._find_behind(kind, present)
        if not behind:
            return 0
        await asyncio.sleep(self._grace_seconds)
        behind = self._find_behind(kind, {uid: present[uid] for uid in behind})
        return sum([await self._fetch(kind, metadata) for metadata in behind.values()])

    def _find_behind(self, kind: Kind, present: dict[str, Document]) -> dict[str, Document]:
        """Give the objects that are newer there than here."""
        known = self._store.list_versions(kind)
        return {
            uid: metadata
            for uid, metadata in present.items()
            if uid not in known or is_newer_version(metadata["resourceVersion"], known[uid][1])
        }

    def _drop(self, kind: Kind, uid: str, place: Key) -> None:
        key = self._store.discard(kind, uid, place)
        self._observers.repaired(kind.plural)
        if key is not None:
            self._add(key)

    async def _fetch(self, kind: Kind, metadata: Document) -> bool:
        """Read an object that the watch did not tell of; say whether that brought news."""
        try:
            raw = await self._cluster.read(kind, metadata["namespace"], metadata["name"])
        except NotFoundError:
            return False
        if (key := self._store.apply(kind, raw)) is None:
            return False
        self._observers.repaired(kind.plural)
        self._add(key)
        return True


def selector_of(kind: Kind) -> str:
    """Give the label selector under which objects of a kind are listed and watched."""
    return "" if kind == kinds.FINETUNE_JOBS else names.SELECTOR
