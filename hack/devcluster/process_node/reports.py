"""Sends the status of one pod to the API server, the newest state and as often as it takes.

The node never waits for a report while containers run: during an outage of the API server they
go on, and what is sent afterwards is how things are then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from devcluster.api import CONFLICT, NOT_FOUND, Api, Object, Retry, is_worth_retrying
from devcluster.errors import ApiError
from devcluster.process_node.downward import PodFacts
from devcluster.process_node.records import PodRecord
from devcluster.process_node.statuses import build_status
from devcluster.timestamps import read_now

log = logging.getLogger(__name__)


class StatusReporter:
    """Keeps the status of one pod up to date."""

    def __init__(self, api: Api, facts: PodFacts, describe: Callable[[], PodRecord]) -> None:
        """Report what `describe` says; nothing is sent before `changed` or `flush`."""
        self._api = api
        self._describe = describe
        self._uid = facts.uid
        self._path = f"/api/v1/namespaces/{facts.namespace}/pods/{facts.name}/status"
        conditions = facts.pod.get("status", {}).get("conditions") or ()
        self._conditions: dict[str, Object] = {entry["type"]: entry for entry in conditions}
        self._sent: Object | None = None
        self._lock = asyncio.Lock()
        self._sending: set[asyncio.Task[None]] = set()
        self._pod_is_gone = False

    def changed(self) -> None:
        """Report soon."""
        task = asyncio.create_task(self.flush())
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def flush(self) -> None:
        """Return when the API server knows the state of this moment, or the pod is gone."""
        async with self._lock:
            retry = Retry()
            while not self._pod_is_gone:
                status = build_status(self._describe(), self._conditions, read_now())
                if status == self._sent or await self._send(status):
                    return
                await retry.pause()

    def close(self) -> None:
        """Stop trying."""
        self._pod_is_gone = True
        for task in self._sending:
            task.cancel()

    async def _send(self, status: Object) -> bool:
        # The uid makes the server refuse if this name by now belongs to another pod.
        try:
            await self._api.patch(self._path, {"metadata": {"uid": self._uid}, "status": status})
        except Exception as error:
            if isinstance(error, ApiError) and error.status in (NOT_FOUND, CONFLICT):
                self._pod_is_gone = True
                return True
            if is_worth_retrying(error):
                log.info("report of %s: %s", self._path, error)
                return False
            log.error("report of %s was refused: %s", self._path, error)
        self._sent = status
        self._conditions.update({entry["type"]: entry for entry in status["conditions"]})
        return True
