"""Carries out a plan: makes, changes and removes children.

Every step may be repeated: names are deterministic, a create that finds the name taken adopts the
object only when it is ours by uid, and changes and removals name the uid they mean. What the API
server answers goes into the store at once, so that the next look sees it.
"""

import asyncio
import logging

from finetune_api.contract.resolved_jobs import ResolvedJob, resolve_job
from finetune_api.v1alpha1 import FineTuneJob
from finetune_operator.cluster.errors import AlreadyExistsError, NotFoundError
from finetune_operator.core import kinds, names
from finetune_operator.core.kinds import Kind
from finetune_operator.core.plan import Launch, Plan, Removal, Suspension
from finetune_operator.core.records import JobRecord, Key, find_owner
from finetune_operator.core.settings import Settings
from finetune_operator.manifests.claims import build_claims, explain_unshared
from finetune_operator.manifests.config_maps import build_config_map, read_config_map
from finetune_operator.manifests.jobs import build_job
from finetune_operator.manifests.peers import build_peers
from finetune_operator.manifests.volumes import list_claims, list_written_claims
from finetune_operator.runtime.obstacles import NameTakenError, NotSharedError
from finetune_operator.runtime.ports import Cluster, Document
from finetune_operator.runtime.store import Store

log = logging.getLogger(__name__)


class Applier:
    """Makes the cluster hold what a plan wants."""

    def __init__(self, cluster: Cluster, store: Store, settings: Settings) -> None:
        self._cluster = cluster
        self._store = store
        self._settings = settings

    async def apply(self, job: JobRecord, plan: Plan) -> None:
        """Carry out the changes of a plan.

        Raises:
            ClusterError: the API server did not take one of them.
        """
        if plan.launch is not None and job.job is not None:
            self._store.mark_begun(job.uid)
            await self._launch(job.job, plan.launch)
        if plan.suspension is not None:
            await self._suspend(job, plan.suspension)
        for removal in plan.removals:
            await self._remove(job, removal)

    async def _launch(self, job: FineTuneJob, launch: Launch) -> None:
        """Make config and claims, then the Job: its pod finds what it mounts."""
        resolved = resolve_job(job, models=launch.models)
        if job.spec.resources.nodes > 1:
            await self._check_sharing(job, resolved)
        needed = [(kinds.CONFIG_MAPS, build_config_map(job, resolved))]
        needed += [(kinds.CLAIMS, claim) for claim in build_claims(job, self._settings)]
        needed += build_peers(job)
        config, *_ = await asyncio.gather(*(self._ensure(kind, wanted) for kind, wanted in needed))
        if launch.is_repair:
            return
        # What the first attempt froze: the job whose model it started from may be gone by now.
        resolved = read_config_map(config) or resolved
        made = await self._ensure(kinds.JOBS, build_job(job, resolved, launch, self._settings))
        self._store.apply(kinds.JOBS, made)
        log.info("%s/%s: attempt %d", job.metadata.namespace, job.metadata.name, launch.number)

    async def _check_sharing(self, job: FineTuneJob, resolved: ResolvedJob) -> None:
        """Find a claim that would keep a pod waiting for ever while the others hold their GPUs."""
        written = list_written_claims(resolved)
        for name in list_claims(resolved):
            try:
                claim = await self._cluster.read(kinds.CLAIMS, job.metadata.namespace, name)
            except NotFoundError:
                continue  # to be made, or said of the pod that misses it
            if problem := explain_unshared(claim, is_written=name in written):
                raise NotSharedError(problem)

    async def _ensure(self, kind: Kind, document: Document) -> Document:
        """Create an object, or find that it is there and ours."""
        try:
            return await self._cluster.create(kind, document)
        except AlreadyExistsError:
            owner_uid = find_owner(document)
            if not owner_uid:
                return document  # a claim that outlives its jobs
        metadata = document["metadata"]
        existing = await self._cluster.read(kind, metadata["namespace"], metadata["name"])
        if find_owner(existing) != owner_uid:
            raise NameTakenError(_describe_taken(kind, existing))
        return existing

    async def _suspend(self, job: JobRecord, suspension: Suspension) -> None:
        note = {names.ACTIVE_SECONDS_ANNOTATION: str(int(suspension.active_seconds))}
        spec: Document = {"suspend": suspension.is_suspended}
        if suspension.deadline_seconds is not None:
            spec["activeDeadlineSeconds"] = suspension.deadline_seconds
        # With the uid in it, a patch of another Job of that name is a conflict.
        patch = {"metadata": {"uid": suspension.uid, "annotations": note}, "spec": spec}
        changed = await self._cluster.patch(
            kinds.JOBS, job.key.namespace, suspension.job_name, patch
        )
        self._store.apply(kinds.JOBS, changed)

    async def _remove(self, job: JobRecord, removal: Removal) -> None:
        try:
            await self._cluster.delete(kinds.JOBS, job.key.namespace, removal.job_name, removal.uid)
        except NotFoundError:
            log.debug("%s: Job %s was gone already", job.key, removal.job_name)
        place = Key(job.key.namespace, removal.job_name)
        self._store.discard(kinds.JOBS, removal.uid, place)


def _describe_taken(kind: Kind, existing: Document) -> str:
    metadata = existing["metadata"]
    owner = next((o for o in metadata.get("ownerReferences") or () if o.get("controller")), None)
    what = f"{kind.name} {metadata['name']} exists already"
    if owner is None:
        return f"{what} and is not the operator's; delete it or apply the job under a new name"
    if owner["kind"] == kinds.FINETUNE_JOBS.name:
        return f"{what}: left by a deleted job of this name; waiting until it is collected"
    return f"{what} and belongs to {owner['kind']} {owner['name']}; apply under a new name"
