"""An API server in memory, and an operator on it whose time is in our hands.

FakeCluster keeps what a real one promises and tests rely on: uids, resourceVersions, 409 for a
taken name or an old version, preconditions of deletes, owner references that collect children, and
merge patches. It counts writes, fails when told to, and dies before or after any write.
"""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable
from typing import Any

from prometheus_client import CollectorRegistry

from finetune_operator.cluster.errors import (
    AlreadyExistsError,
    ClusterError,
    ConflictError,
    NotFoundError,
)
from finetune_operator.core import kinds
from finetune_operator.core.kinds import Kind
from finetune_operator.core.plan import Notice
from finetune_operator.core.records import JobRecord, Key
from finetune_operator.core.settings import Settings
from finetune_operator.core.times import format_time
from finetune_operator.runtime.observers import Observers
from finetune_operator.runtime.reconciler import Reconciler
from finetune_operator.runtime.store import Store
from operator_builders import NOW, a_manifest

Raw = dict[str, Any]
Fault = Callable[[str, Kind], None]
Place = tuple[str, str, str]
CHILDREN = (
    kinds.JOBS,
    kinds.CONFIG_MAPS,
    kinds.PODS,
    kinds.CLAIMS,
    kinds.SERVICES,
    kinds.NETWORK_POLICIES,
)


class Killed(BaseException):
    """The operator died here: nothing in it may catch this."""


class FakeCluster:
    """Objects by kind, namespace and name."""

    def __init__(self) -> None:
        self.now = NOW
        self.objects: dict[Place, Raw] = {}
        self.writes: list[str] = []
        self.faults: list[Fault] = []
        self.kill_at: tuple[int, str] | None = None
        self.listeners: list[Callable[[Kind, str, Raw], None]] = []
        self._version = 100

    # --- what the operator asks -----------------------------------------------------------------

    async def create(self, kind: Kind, document: Raw) -> Raw:
        metadata = document["metadata"]
        place = (kind.plural, metadata["namespace"], metadata["name"])

        def write() -> Raw:
            if place in self.objects:
                raise AlreadyExistsError(f"{kind.plural} {metadata['name']!r} already exists")
            raw = copy.deepcopy(document)
            raw["metadata"] |= {
                "uid": f"uid-{self._version}",
                "generation": 1,
                "creationTimestamp": format_time(self.now),
            }
            return self.store(kind, raw, "ADDED")

        return self._write("POST", kind, metadata["name"], write)

    async def read(self, kind: Kind, namespace: str, name: str) -> Raw:
        self._fail("GET", kind)
        return copy.deepcopy(self._find(kind, namespace, name))

    async def list(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        selector: str = "",
        metadata_only: bool = False,
    ) -> AsyncIterator[Raw]:
        self._fail("LIST", kind)
        for (plural, space, _), raw in list(self.objects.items()):
            if plural == kind.plural and namespace in (None, space) and _selects(selector, raw):
                yield copy.deepcopy({"metadata": raw["metadata"]} if metadata_only else raw)

    async def patch(self, kind: Kind, namespace: str, name: str, patch: Raw) -> Raw:
        def write() -> Raw:
            raw = copy.deepcopy(self._find(kind, namespace, name))
            wanted = patch.get("metadata", {}).get("uid", raw["metadata"]["uid"])
            if wanted != raw["metadata"]["uid"]:
                raise ConflictError("the UID in the precondition differs")
            _merge(raw, patch)
            return self.store(kind, raw, "MODIFIED")

        return self._write("PATCH", kind, name, write)

    async def patch_status(
        self, namespace: str, name: str, status: Raw, resource_version: str
    ) -> Raw:
        def write() -> Raw:
            raw = copy.deepcopy(self._find(kinds.FINETUNE_JOBS, namespace, name))
            if raw["metadata"]["resourceVersion"] != resource_version:
                raise ConflictError("the object has been modified")
            _merge(raw.setdefault("status", {}), status)
            return self.store(kinds.FINETUNE_JOBS, raw, "MODIFIED")

        return self._write("PATCH status", kinds.FINETUNE_JOBS, name, write)

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        def write() -> Raw:
            raw = self._find(kind, namespace, name)
            if raw["metadata"]["uid"] != uid:
                raise ConflictError("the UID in the precondition differs")
            self.remove(kind, namespace, name)
            return raw

        self._write("DELETE", kind, name, write)

    async def read_through_pod(self, namespace: str, name: str, port: int, path: str) -> bytes:
        raise NotFoundError("no pod answers here")

    # --- what the rest of the cluster does ------------------------------------------------------

    def store(self, kind: Kind, raw: Raw, event: str) -> Raw:
        """Put an object in place with a new version, and tell whoever watches."""
        self._version += 1
        raw["metadata"]["resourceVersion"] = str(self._version)
        self.objects[kind.plural, raw["metadata"]["namespace"], raw["metadata"]["name"]] = raw
        self._tell(kind, event, raw)
        return copy.deepcopy(raw)

    def edit(self, kind: Kind, key: Key, change: Callable[[Raw], None]) -> None:
        """Change an object as somebody else would."""
        raw = copy.deepcopy(self.objects[kind.plural, key.namespace, key.name])
        change(raw)
        self.store(kind, raw, "MODIFIED")

    def remove(self, kind: Kind, namespace: str, name: str) -> None:
        """Delete an object and what it owns."""
        raw = self.objects.pop((kind.plural, namespace, name))
        self._tell(kind, "DELETED", raw)
        for child_kind in CHILDREN:
            for (plural, space, child), owned in list(self.objects.items()):
                owners = owned["metadata"].get("ownerReferences", ())
                if plural == child_kind.plural and raw["metadata"]["uid"] in {
                    owner["uid"] for owner in owners
                }:
                    self.remove(child_kind, space, child)

    def _find(self, kind: Kind, namespace: str, name: str) -> Raw:
        try:
            return self.objects[kind.plural, namespace, name]
        except KeyError:
            raise NotFoundError(f"{kind.plural} {name!r} not found") from None

    def _fail(self, verb: str, kind: Kind) -> None:
        for fault in self.faults:
            fault(verb, kind)

    def _write(self, verb: str, kind: Kind, name: str, write: Callable[[], Raw]) -> Raw:
        number = len(self.writes) + 1
        self._fail(verb, kind)
        self._die_at(number, "before")
        self.writes.append(f"{verb} {kind.plural}/{name}")
        try:
            return write()
        finally:
            self._die_at(number, "after")

    def _die_at(self, number: int, moment: str) -> None:
        if self.kill_at == (number, moment):
            self.kill_at = None
            raise Killed

    def _tell(self, kind: Kind, event: str, raw: Raw) -> None:
        for listener in self.listeners:
            listener(kind, event, copy.deepcopy(raw))


def _merge(target: Raw, patch: Raw) -> None:
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, dict):
            _merge(target.setdefault(name, {}), value)
        else:
            target[name] = value


def _selects(selector: str, raw: Raw) -> bool:
    if not selector:
        return True
    name, value = selector.split("=", 1)
    return bool((raw["metadata"].get("labels") or {}).get(name) == value)


def list_names(cluster: FakeCluster, kind: Kind) -> list[str]:
    """Give the names of the objects of a kind."""
    return [name for plural, _, name in cluster.objects if plural == kind.plural]


class EventLog:
    """Keeps events in a list."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def post(self, job: JobRecord, notice: Notice, now: float) -> None:
        del job, now
        self.said.append(notice.reason)


class Operator:
    """The reconciler on a fake cluster, without tasks: it looks when it is told to."""

    def __init__(self, cluster: FakeCluster, settings: Settings | None = None) -> None:
        self.cluster = cluster
        self.store = Store()
        self.events = EventLog()
        self.due: dict[Key, float | None] = {}
        self.store.nudge = lambda key: self.due.__setitem__(key, cluster.now)
        self.registry = CollectorRegistry()
        self._reconciler = Reconciler(
            cluster,
            self.store,
            settings or Settings(),
            self.events,
            Observers(self.registry),
            lambda: cluster.now,
        )
        for (plural, _, _), raw in cluster.objects.items():
            self._hear(plural, "ADDED", raw)
        # Told late, as by a watch: the answers to our own writes are known before.
        self._told: list[tuple[str, str, Raw]] = []
        cluster.listeners = [lambda kind, event, raw: self._told.append((kind.plural, event, raw))]

    def _hear(self, plural: str, event: str, raw: Raw) -> None:
        kind = next((kind for kind in kinds.WATCHED if kind.plural == plural), None)
        if kind is None:
            return
        take = self.store.remove if event == "DELETED" else self.store.apply
        if key := take(kind, raw):
            self.due[key] = self.cluster.now

    async def settle(self, seconds: float = 0) -> None:
        """Look at every job until nothing is due within some time, which passes meanwhile."""
        until = self.cluster.now + seconds
        for _ in range(200):
            while self._told:
                self._hear(*self._told.pop(0))
            ready = [(due, key) for key, due in self.due.items() if due is not None]
            ready = [(due, key) for due, key in ready if due <= until]
            if not ready:
                self.cluster.now = until
                return
            due, key = min(ready)
            self.cluster.now = max(self.cluster.now, due)
            await self.look(key)
        raise AssertionError(f"the operator does not settle: {self.cluster.writes[-10:]}")

    async def look(self, key: Key) -> None:
        self.due[key] = None
        try:
            pause = await self._reconciler.reconcile(key)
        except ClusterError as error:
            pause = error.retry_after_seconds or 1.0
        if pause is not None and self.due[key] is None:
            self.due[key] = self.cluster.now + pause


def submit(cluster: FakeCluster, name: str = "reviews", **spec: Any) -> Key:
    """Apply a FineTuneJob as a user."""
    raw = a_manifest(name, **spec)
    raw["metadata"] |= {
        "uid": f"uid-of-{name}-{cluster._version}",
        "generation": 1,
        "creationTimestamp": format_time(cluster.now),
    }
    cluster.store(kinds.FINETUNE_JOBS, raw, "ADDED")
    return Key(raw["metadata"]["namespace"], name)
