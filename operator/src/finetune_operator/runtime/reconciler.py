"""Observe, decide, apply, tell: one look at one job.

Called by `workers` for whatever reason: a change, a child's change, a report, the time. It asks
what is there now and never what happened, so it may be cut off anywhere and be called again.
"""

import logging

from finetune_operator.cluster.errors import (
    ClusterError,
    ConflictError,
    InvalidError,
    NotFoundError,
)
from finetune_operator.core import kinds, names
from finetune_operator.core.facts import Facts, Obstacle
from finetune_operator.core.patches import build_merge_patch
from finetune_operator.core.plan import Plan
from finetune_operator.core.records import JobRecord, Key
from finetune_operator.core.rules import decide
from finetune_operator.core.settings import Settings
from finetune_operator.runtime.applier import Applier
from finetune_operator.runtime.observers import Observers
from finetune_operator.runtime.obstacles import read_obstacle
from finetune_operator.runtime.ports import Clock, Cluster, Document, Events
from finetune_operator.runtime.store import Store

log = logging.getLogger(__name__)

UNCONFIRMED_RECHECK_SECONDS = 1.0
ESSENTIAL = ("observedGeneration", "state", "conditions", "completionTime", "failure", "startTime")
"""What must get through even when something that a pod reported is refused by the schema."""


class Reconciler:
    """Brings one job at a time to where it should be."""

    def __init__(
        self,
        cluster: Cluster,
        store: Store,
        settings: Settings,
        events: Events,
        observers: Observers,
        clock: Clock,
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._settings = settings
        self._events = events
        self._observers = observers
        self._clock = clock
        self._applier = Applier(cluster, store, settings)

    async def reconcile(self, key: Key) -> float | None:
        """Give the seconds after which to look again; None: only when something changes."""
        facts = self._observe(key)
        if facts is None:
            return None
        plan, obstructed = decide(facts), None
        if plan.refresh:
            await self._refresh(facts.job)
            facts = self._observe(key, is_confirmed=True) or facts
            plan = decide(facts)
        if plan.changes_children:
            obstructed = await self._apply(facts.job, plan)
            obstacle = read_obstacle(obstructed) if obstructed else None
            # What was made changes the facts: the status is told after it, once.
            facts = self._observe(key, facts.is_confirmed, obstacle) or facts
            plan = decide(facts)
        is_written = await self._write_status(facts, plan)
        if plan.is_expired:
            await self._expire(facts.job)
        if obstructed is not None and not facts.job.is_finished:
            raise obstructed
        if plan.refresh:
            return UNCONFIRMED_RECHECK_SECONDS
        # What was written is known before the watch tells it, so the watch is no news: look again.
        return 0.0 if is_written else plan.recheck_seconds

    def _observe(
        self, key: Key, is_confirmed: bool = False, obstacle: Obstacle | None = None
    ) -> Facts | None:
        seen = self._store.observe(key)
        if seen is None:
            return None
        return Facts(
            job=seen.job,
            now=self._clock(),
            settings=self._settings,
            attempts=seen.attempts,
            rivals=seen.rivals,
            origins=seen.origins,
            report=seen.report,
            obstacle=obstacle,
            is_confirmed=is_confirmed,
        )

    async def _apply(self, job: JobRecord, plan: Plan) -> ClusterError | None:
        """Change children; give the error that a condition should tell, raise any other."""
        try:
            await self._applier.apply(job, plan)
        except ClusterError as error:
            if read_obstacle(error) is None:
                raise
            return error
        return None

    async def _refresh(self, job: JobRecord) -> None:
        """Read the children anew: before bad news is told, an absent one may only be late."""
        selector = f"{names.JOB_UID_LABEL}={job.uid}"
        for kind in (kinds.JOBS, kinds.PODS):
            known = {
                r.uid: Key(r.namespace, r.name)
                for attempt in self._store.list_attempts(job.uid)
                for r in ((attempt.record,) if kind == kinds.JOBS else attempt.pods)
            }
            async for raw in self._cluster.list(kind, job.key.namespace, selector=selector):
                self._store.apply(kind, raw)
                known.pop(raw["metadata"]["uid"], None)
            for uid, place in known.items():
                self._store.discard(kind, uid, place)

    async def _write_status(self, facts: Facts, plan: Plan) -> bool:
        """Patch what differs, if nobody changed the job since, and say what is new.

        Returns:
            Whether something differed.
        """
        if plan.status is facts.before:
            return False
        patch = build_merge_patch(facts.before.to_json_dict(), plan.status.to_json_dict())
        if not patch:
            return False
        job = facts.job
        try:
            raw = await self._patch_status(job, patch)
        except ConflictError:
            self._store.apply(
                kinds.FINETUNE_JOBS,
                await self._cluster.read(kinds.FINETUNE_JOBS, job.key.namespace, job.key.name),
            )
            raise
        except NotFoundError:
            return False  # deleted meanwhile
        self._store.apply(kinds.FINETUNE_JOBS, raw)
        self._observers.status_written(job, plan.status, facts.now)
        for notice in plan.notices:
            self._events.post(job, notice, facts.now)
        return True

    async def _patch_status(self, job: JobRecord, patch: Document) -> Document:
        write = self._cluster.patch_status
        try:
            return await write(job.key.namespace, job.key.name, patch, job.resource_version)
        except InvalidError as error:
            log.error("%s: the status is refused, writing the essentials: %s", job.key, error)
            essential = {name: patch[name] for name in ESSENTIAL if name in patch}
            if not essential or essential == patch:
                raise
            return await write(job.key.namespace, job.key.name, essential, job.resource_version)

    async def _expire(self, job: JobRecord) -> None:
        log.info("%s: ttlSecondsAfterFinished has passed, deleting", job.key)
        try:
            await self._cluster.delete(
                kinds.FINETUNE_JOBS, job.key.namespace, job.key.name, job.uid
            )
        except NotFoundError:
            log.debug("%s: was gone already", job.key)
