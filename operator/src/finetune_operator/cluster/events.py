"""Writes events for `kubectl describe`: each thing once, never many, never in the way.

An event is worth little and a burst of them can drown an API server, so they are deduplicated,
limited in rate and in number, and written by a task of their own: posting one never blocks, and one
that does not get through is forgotten.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from typing import Any

from finetune_operator.cluster.client import ApiClient
from finetune_operator.cluster.errors import ClusterError
from finetune_operator.core import kinds, names
from finetune_operator.core.plan import Notice
from finetune_operator.core.records import JobRecord
from finetune_operator.core.times import format_time

log = logging.getLogger(__name__)

MAX_WAITING = 1000
MAX_REMEMBERED = 10_000
PER_SECOND = 20.0
MAX_MESSAGE = 1024


class EventWriter:
    """Posts events in the background. Satisfies `runtime.ports.Events`."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MAX_WAITING)
        self._said: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    def post(self, job: JobRecord, notice: Notice, now: float) -> None:
        """Take an event; one that was said before, or one too many, is dropped."""
        said = (job.uid, notice.reason, notice.message)
        if said in self._said or self._waiting.full():
            return
        self._said[said] = None
        if len(self._said) > MAX_REMEMBERED:
            self._said.popitem(last=False)
        self._waiting.put_nowait(build_event(job, notice, now))

    async def run(self) -> None:
        """Write events until cancelled."""
        while True:
            event = await self._waiting.get()
            try:
                await self._client.create(kinds.EVENTS, event)
            except ClusterError as error:
                log.debug("event %s was not taken: %s", event["reason"], error)
            await asyncio.sleep(1 / PER_SECOND)


def build_event(job: JobRecord, notice: Notice, now: float) -> dict[str, Any]:
    """Give the event. Its name follows from its content: the same one is refused, not doubled."""
    content = f"{job.uid}/{notice.reason}/{notice.message}"
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    time = format_time(now)
    return {
        "apiVersion": kinds.EVENTS.api_version,
        "kind": kinds.EVENTS.name,
        "metadata": {"name": f"{job.key.name}.{digest}", "namespace": job.key.namespace},
        "involvedObject": {
            "apiVersion": kinds.FINETUNE_JOBS.api_version,
            "kind": kinds.FINETUNE_JOBS.name,
            "namespace": job.key.namespace,
            "name": job.key.name,
            "uid": job.uid,
        },
        "type": "Warning" if notice.is_warning else "Normal",
        "reason": notice.reason,
        "message": notice.message[:MAX_MESSAGE],
        "source": {"component": names.MANAGER},
        "reportingComponent": names.MANAGER,
        "firstTimestamp": time,
        "lastTimestamp": time,
        "count": 1,
    }
