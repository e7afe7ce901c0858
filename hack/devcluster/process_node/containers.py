"""One container: a process under a leash, its log and its last words.

`pods` says when to start and to end it. The leash (see `devcluster.leash`) makes the process
group behave as a container would: SIGTERM goes to the first process only, the end of the first
process is the end of all, and nothing outlives the node.
"""

from __future__ import annotations

import asyncio
import signal
import uuid
from pathlib import Path

from devcluster.api import Object
from devcluster.leashed_processes import build_command
from devcluster.process_node.launches import Launch, find_executable
from devcluster.process_node.records import (
    ContainerRecord,
    ContainerState,
    Running,
    Terminated,
    Waiting,
)
from devcluster.timestamps import read_now

MESSAGE_LIMIT_BYTES = 4096  # and 12 KiB for the whole pod
POD_MESSAGE_LIMIT_BYTES = 12 * 1024
FALLBACK_LIMIT_BYTES = 2048
FALLBACK_LIMIT_LINES = 80
CANNOT_START = 128


class Container:
    """The life of one container over all its restarts."""

    def __init__(self, spec: Object, log: Path, *, waiting_for: str, message_limit: int) -> None:
        """Describe a container that does not run yet.

        Args:
            spec: the container in the pod.
            log: where its output goes.
            waiting_for: the reason it is given as long as it waits for its turn.
            message_limit: bytes its termination message may have.
        """
        self.spec = spec
        self._log = log
        self._message_limit = message_limit
        self._state: ContainerState = Waiting(waiting_for)
        self._last: Terminated | None = None
        self._restarts = 0
        self._id = ""
        self._process: asyncio.subprocess.Process | None = None
        self._launch: Launch | None = None

    @property
    def name(self) -> str:
        """Its name in the pod."""
        return str(self.spec["name"])

    @property
    def state(self) -> ContainerState:
        """What it does now."""
        return self._state

    def describe(self) -> ContainerRecord:
        """Give what is to be reported."""
        return ContainerRecord(
            name=self.name,
            image=self.spec["image"],
            state=self._state,
            last_state=self._last,
            restart_count=self._restarts,
            container_id=self._id,
        )

    def hold(self, reason: str, message: str = "") -> None:
        """Say why it cannot start yet."""
        if isinstance(self._state, Terminated):
            self._last = self._state
        self._state = Waiting(reason, message)

    async def start(self, launch: Launch) -> None:
        """Start the process; one that cannot be started counts as ended with code 128."""
        if self._id:
            self._restarts += 1
            self._log.replace(self._log.with_suffix(".previous.log"))
        self._id = f"process://{uuid.uuid4().hex}"
        self._launch = launch
        launch.termination_log.parent.mkdir(parents=True, exist_ok=True)
        launch.termination_log.write_bytes(b"")
        self._log.write_bytes(b"")  # also of a former pod of the same name
        if find_executable(launch) is None:
            text = f'exec: "{launch.command[0]}": executable file not found in $PATH'
            self._end(CANNOT_START, "StartError", text)
            return
        with self._log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *build_command(launch.command),
                cwd=launch.folder,
                env=dict(launch.environment),
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._state = Running(read_now())

    async def wait_until_ended(self) -> Terminated:
        """Wait for the process and everything it started."""
        while not isinstance(self._state, Terminated):
            assert self._process, "wait for a container only after it was started"
            code = await self._process.wait()
            if isinstance(self._state, Running):  # several may wait
                self._process = None
                self._end(code, "Error" if code else "Completed", self._read_last_words(code))
        return self._state

    async def terminate(self, grace_seconds: float) -> None:
        """Ask the process to end, and kill all of it after the grace period."""
        if not self._process:
            return
        self._say(str(int(signal.SIGTERM)))
        try:
            async with asyncio.timeout(grace_seconds):
                await self._process.wait()
        except TimeoutError:
            self._say("kill")
        await self.wait_until_ended()

    def write_off(self) -> None:
        """Count it as ended though it never ran, as a kubelet does when its pod is taken away."""
        if not isinstance(self._state, Terminated):
            text = "The container could not be located when the pod was terminated"
            self._end(128 + signal.SIGKILL, "ContainerStatusUnknown", text)

    def _end(self, code: int, reason: str, message: str) -> None:
        now = read_now()
        started_at = self._state.started_at if isinstance(self._state, Running) else now
        self._state = Terminated(code, reason, message, started_at, now, self._id)

    def _say(self, line: str) -> None:
        # It may have ended in this very moment; then there is nobody to tell.
        if self._process and self._process.stdin and self._process.returncode is None:
            self._process.stdin.write(f"{line}\n".encode())

    def _read_last_words(self, code: int) -> str:
        assert self._launch
        message = read_end(self._launch.termination_log, self._message_limit)
        policy = self.spec.get("terminationMessagePolicy", "File")
        if message or not code or policy != "FallbackToLogsOnError":
            return message
        limit = min(self._message_limit, FALLBACK_LIMIT_BYTES)
        lines = read_end(self._log, limit).splitlines(keepends=True)
        return "".join(lines[-FALLBACK_LIMIT_LINES:])


def compute_message_limit(containers: int) -> int:
    """Give how many bytes of termination message each container of a pod may have."""
    return min(MESSAGE_LIMIT_BYTES, POD_MESSAGE_LIMIT_BYTES // max(1, containers))


def read_end(file: Path, limit_bytes: int) -> str:
    """Read the end of a file, which is where a kubelet cuts from."""
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - limit_bytes))
            return stream.read(limit_bytes).decode(errors="replace")
    except OSError:  # the container may have replaced it by anything
        return ""
