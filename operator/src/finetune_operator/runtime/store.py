"""What is known of the cluster: slim records by key, children by their owner's uid.

Fed by the informer, by the answers to our own writes and by the sweep. An older resourceVersion
never replaces a newer one, so a late watch event cannot hide what we wrote ourselves: a second
create from a stale cache is how operators start things twice.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from finetune_api.v1alpha1.spec_sources import list_job_sources
from finetune_operator.core import kinds, names
from finetune_operator.core.facts import Attempt, ReceivedReport, Rival
from finetune_operator.core.kinds import Kind
from finetune_operator.core.origins import Origin, read_origin
from finetune_operator.core.outputs import Place
from finetune_operator.core.records import (
    AttemptRecord,
    JobRecord,
    Key,
    PodRecord,
    read_attempt,
    read_job,
    read_pod,
)

Raw = dict[str, Any]
Child = TypeVar("Child", AttemptRecord, PodRecord)


@dataclass(frozen=True, slots=True)
class Observation:
    """What is known of one job at this moment."""

    job: JobRecord
    attempts: tuple[Attempt, ...]
    rivals: tuple[Rival, ...]
    origins: tuple[Origin, ...]
    report: ReceivedReport | None


class Store:
    """The operator's memory. Losing it costs a list request, nothing else.

    Attributes:
        nudge: called with a job that waits for another one, when something is new of that.
    """

    def __init__(self) -> None:
        self.nudge: Callable[[Key], None] | None = None
        self._waiting: dict[Key, set[Key]] = {}
        self.jobs: dict[Key, JobRecord] = {}
        self._keys: dict[str, Key] = {}
        self._attempts: dict[str, dict[str, AttemptRecord]] = {}
        self._pods: dict[str, dict[str, PodRecord]] = {}
        self._owners: dict[str, str] = {}
        self._reports: dict[str, ReceivedReport] = {}
        self._writers: dict[tuple[str, str], dict[str, set[Key]]] = {}
        self._begun: set[str] = set()

    # --- what comes in -----------------------------------------------------------------------

    def apply(self, kind: Kind, raw: Raw) -> Key | None:
        """Take in an object; give the job to look at again, or None when nothing is new."""
        return {
            kinds.FINETUNE_JOBS: self._apply_job,
            kinds.JOBS: self._apply_attempt,
            kinds.PODS: self._apply_pod,
        }[kind](raw)

    def remove(self, kind: Kind, raw: Raw) -> Key | None:
        """Forget an object that was deleted; give the job that may care."""
        metadata = raw["metadata"]
        key = self.discard(kind, metadata["uid"], Key(metadata["namespace"], metadata["name"]))
        if key is not None or kind == kinds.FINETUNE_JOBS:
            return key
        # A child of a former job of this name: the present one may be waiting for its name.
        name = (metadata.get("labels") or {}).get(names.JOB_NAME_LABEL, "")
        waiting = Key(metadata["namespace"], name)
        return waiting if waiting in self.jobs else None

    def discard(self, kind: Kind, uid: str, place: Key) -> Key | None:
        """Forget an object by uid; a later one of the same name stays."""
        if kind == kinds.FINETUNE_JOBS:
            return self._discard_job(uid, place)
        owner_uid = self._owners.pop(uid, "")
        children: Any = self._attempts if kind == kinds.JOBS else self._pods
        record = children.get(owner_uid, {}).get(place.name)
        if record is None or record.uid != uid:
            return None
        del children[owner_uid][place.name]
        if not children[owner_uid]:
            del children[owner_uid]
        return self._keys.get(record.owner_uid)

    def record_report(self, key: Key, uid: str, report: ReceivedReport) -> None:
        """Keep what a trainer said, until it says something newer."""
        job = self.jobs.get(key)
        if job is not None and job.uid == uid:
            self._reports[uid] = report

    def mark_begun(self, uid: str) -> None:
        """Note that a job's first attempt is being made: its output place is taken from now on."""
        self._begun.add(uid)

    def _apply_job(self, raw: Raw) -> Key | None:
        metadata = raw["metadata"]
        key = Key(metadata["namespace"], metadata["name"])
        before = self.jobs.get(key)
        if before is not None and not _is_newer(before, raw):
            return None
        if before is not None and before.uid != metadata["uid"]:
            self._discard_job(before.uid, key)
            before = None
        record = read_job(raw, before)
        self.jobs[key] = record
        self._keys[record.uid] = key
        self._note_place(record)
        self._note_origins(record)
        self._nudge_waiting(key)
        return key

    def _note_origins(self, record: JobRecord) -> None:
        """Remember whom to look at again when one of the jobs it names has news."""
        for origin in self._list_origins(record):
            self._waiting.setdefault(origin, set()).add(record.key)

    def _drop_origins(self, record: JobRecord) -> None:
        for origin in self._list_origins(record):
            waiting = self._waiting.get(origin, set())
            waiting.discard(record.key)
            if not waiting:
                self._waiting.pop(origin, None)

    @staticmethod
    def _list_origins(record: JobRecord) -> list[Key]:
        names_of = list_job_sources(record.job.spec) if record.job else {}
        return [Key(record.key.namespace, name) for name in names_of]

    def _nudge_waiting(self, key: Key) -> None:
        for waiting in self._waiting.get(key, ()):
            if self.nudge and waiting in self.jobs and not self._has_begun(self.jobs[waiting]):
                self.nudge(waiting)

    def _note_place(self, record: JobRecord) -> None:
        if record.place is None:
            return
        if record.is_finished:
            self._drop_place(record.key, record.place)
            return
        writers = self._writers.setdefault((record.key.namespace, record.place.store), {})
        writers.setdefault(record.place.root, set()).add(record.key)

    def _drop_place(self, key: Key, place: Place) -> None:
        writers = self._writers.get((key.namespace, place.store), {})
        writers.get(place.root, set()).discard(key)
        if not writers.get(place.root, True):
            del writers[place.root]
        if not writers:
            self._writers.pop((key.namespace, place.store), None)

    def _apply_attempt(self, raw: Raw) -> Key | None:
        record = read_attempt(raw)
        return self._apply_child(self._attempts, record.owner_uid, record)

    def _apply_pod(self, raw: Raw) -> Key | None:
        record = read_pod(raw)
        return self._apply_child(self._pods, record.attempt_uid, record)

    def _apply_child(
        self, children: dict[str, dict[str, Child]], owner_uid: str, record: Child
    ) -> Key | None:
        known = children.setdefault(owner_uid, {})
        before = known.get(record.name)
        is_same = before is not None and before.uid == record.uid
        if (
            before
            and is_same
            and not is_newer_version(record.resource_version, before.resource_version)
        ):
            return None
        known[record.name] = record
        self._owners[record.uid] = owner_uid
        return self._keys.get(record.owner_uid)

    def _discard_job(self, uid: str, key: Key) -> Key | None:
        record = self.jobs.get(key)
        if record is None or record.uid != uid:
            return None
        del self.jobs[key]
        del self._keys[uid]
        self._reports.pop(uid, None)
        self._begun.discard(uid)
        if record.place is not None:
            self._drop_place(key, record.place)
        self._drop_origins(record)
        self._nudge_waiting(key)
        return key

    # --- what goes out -----------------------------------------------------------------------

    def observe(self, key: Key) -> Observation | None:
        """Give all that is known of a job; None when there is no such job."""
        job = self.jobs.get(key)
        if job is None:
            return None
        return Observation(
            job=job,
            attempts=self.list_attempts(job.uid),
            rivals=tuple(self._list_rivals(job)),
            origins=tuple(self._read_origins(job)),
            report=self._reports.get(job.uid),
        )

    def list_attempts(self, uid: str) -> tuple[Attempt, ...]:
        """Give the attempts of a job, by number, each with its pods, the oldest first."""
        records = self._attempts.get(uid, {}).values()
        return tuple(
            Attempt(record, self._list_pods(record.uid))
            for record in sorted(records, key=lambda r: r.number)
        )

    def _list_pods(self, attempt_uid: str) -> tuple[PodRecord, ...]:
        pods = self._pods.get(attempt_uid, {}).values()
        return tuple(sorted(pods, key=lambda p: (p.created_at, not p.is_over, p.name)))

    def _list_rivals(self, job: JobRecord) -> Iterator[Rival]:
        if job.place is None or job.is_finished or self._attempts.get(job.uid):
            return  # only a job that has not begun has to ask
        writers = self._writers.get((job.key.namespace, job.place.store), {})
        near = writers if job.place.root == "" else ("", job.place.root)
        for key in (key for root in near for key in writers.get(root, ())):
            other = self.jobs[key]
            if key == job.key or other.place is None or other.is_deleting:
                continue
            yield Rival(key, other.uid, other.created_at, self._has_begun(other), other.place)

    def _read_origins(self, job: JobRecord) -> Iterator[Origin]:
        resolved = job.status.resolved
        if job.job is None or job.is_finished or (resolved and resolved.config_hash):
            return  # what they made is noted by then
        for name, field in list_job_sources(job.job.spec).items():
            yield read_origin(name, field, self.jobs.get(Key(job.key.namespace, name)))

    def _has_begun(self, job: JobRecord) -> bool:
        attempts = job.status.attempts
        started = attempts.started if attempts else 0
        return started > 0 or job.uid in self._begun or bool(self._attempts.get(job.uid))

    def find_report(self, uid: str) -> ReceivedReport | None:
        """Give the newest report of a job."""
        return self._reports.get(uid)

    def list_versions(self, kind: Kind) -> dict[str, tuple[Key, str]]:
        """Give namespace, name and resourceVersion of every object of a kind, by uid."""
        if kind == kinds.FINETUNE_JOBS:
            return {job.uid: (key, job.resource_version) for key, job in self.jobs.items()}
        children: Any = self._attempts if kind == kinds.JOBS else self._pods
        return {
            record.uid: (Key(record.namespace, record.name), record.resource_version)
            for records in children.values()
            for record in records.values()
        }


def _is_newer(before: JobRecord, raw: Raw) -> bool:
    metadata = raw["metadata"]
    if before.uid != metadata["uid"]:
        return True
    return is_newer_version(metadata["resourceVersion"], before.resource_version)


def is_newer_version(version: str, than: str) -> bool:
    """Compare two resourceVersions of one object: whole numbers, as KEP-5504 promises."""
    try:
        return int(version) > int(than)
    except ValueError:
        return version != than
