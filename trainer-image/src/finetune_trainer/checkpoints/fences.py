"""One writer at a time: a fence in the folder of the checkpoints says whose it is.

Kubernetes may run two pods of one job for a while, such as when a node is cut off and comes back.
Both would write, prune and sweep the same folder. File locks are not kept on many network volumes,
so the owner writes a small file and touches it every few seconds; who finds it untouched for longer
takes over. A process that was thought dead finds out before its next checkpoint is published, and
leaves. Ages are told by the clock of the volume alone: both times that are compared come from it.
`run` holds the fence around everything that writes.
"""

import json
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from finetune_trainer.errors import InUseError
from finetune_trainer.sealing import TEMPORARY_PREFIX

logger = logging.getLogger(__name__)
FILE_NAME = "fence.json"
BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
PROCESSES = Path("/proc")
_ZOMBIE = "Z"


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a fence is kept and given up.

    Attributes:
        beat_seconds: between two touches by the owner.
        stale_seconds: an owner that was silent for so long is taken for dead.
        look_seconds: between two looks of one who waits.
        patience_seconds: for how long to wait for an owner that lives; it may be leaving.
    """

    beat_seconds: float = 5.0
    stale_seconds: float = 20.0
    look_seconds: float = 0.5
    patience_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that writes.

    Attributes:
        pod: its uid; a container that is started again in its pod is the same owner.
        token: of this very process.
        machine: the kernel and its process table: there, a process that is gone is dead.
        process: its number, and when it began.
    """

    pod: str
    token: str
    machine: str
    process: str


_ADAPTER = TypeAdapter(Owner)


def describe_owner(pod_uid: str) -> Owner:
    """Describe this process.

    Args:
        pod_uid: empty where there is no pod.
    """
    try:
        namespace = os.readlink(PROCESSES / "self" / "ns" / "pid")
        machine = f"{BOOT_ID_FILE.read_text().strip()}/{namespace}"
    except OSError:  # not shown to every process: then only time tells that an owner is dead
        machine = ""
    token = uuid.uuid4().hex
    return Owner(pod_uid or token, token, machine, find_process(os.getpid()) or "")


def find_process(number: int) -> str | None:
    """Give a process its name for all times; None when it is gone."""
    try:
        fields = (PROCESSES / str(number) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == _ZOMBIE else f"{number}@{fields[19]}"


class Fence:
    """The fence of one folder, once it is ours."""

    def __init__(self, folder: Path, owner: Owner, pace: Pace) -> None:
        self._path = folder / FILE_NAME
        self._aside = folder / f"{TEMPORARY_PREFIX}{FILE_NAME}-{owner.token}"
        self._owner = owner
        self._pace = pace
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="fence", daemon=True)

    def acquire(self, check: Callable[[], None]) -> None:
        """Take the folder, or wait until its owner leaves or is silent for too long.

        Args:
            check: called while waiting; what it raises ends the waiting.

        Raises:
            InUseError: the owner lives and stays.
        """
        began = time.monotonic()
        while not self._take():
            check()
            if time.monotonic() - began > self._pace.patience_seconds:
                raise InUseError(self._explain("the other one has not left"))
            self._is_over.wait(self._pace.look_seconds)
        self._thread.start()

    def verify(self) -> None:
        """Make sure that the folder is still ours; asked before anything is published.

        Raises:
            InUseError: another pod has taken it.
        """
        owner = self._read()
        if owner is not None and owner.token != self._owner.token:
            raise InUseError(self._explain("it took over while this one was silent"))

    def release(self) -> None:
        """Leave the folder to the next one."""
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join()
        owner = self._read()
        if owner is not None and owner.token == self._owner.token:
            self._path.unlink(missing_ok=True)
        self._aside.unlink(missing_ok=True)

    def _take(self) -> bool:
        content = json.dumps(asdict(self._owner))
        self._aside.write_text(content)
        if not self._is_free():
            return False
        self._aside.replace(self._path)
        found = self._read()
        return found is not None and found.token == self._owner.token

    def _is_free(self) -> bool:
        """Judge the fence; our own file, written just now, tells the volume's time."""
        try:
            with self._path.open() as file:  # opening asks a network volume for the present state
                silent_seconds = self._aside.stat().st_mtime - os.fstat(file.fileno()).st_mtime
                owner = _parse(file.read())
        except FileNotFoundError:
            return True
        if silent_seconds >= self._pace.stale_seconds:
            logger.warning("taking over from a writer that was silent for %.0f s", silent_seconds)
            return True
        return owner is not None and self._is_dead(owner)

    def _is_dead(self, owner: Owner) -> bool:
        if owner.pod == self._owner.pod:
            return True
        if not owner.machine or owner.machine != self._owner.machine:
            return False
        return find_process(int(owner.process.partition("@")[0])) != owner.process

    def _beat(self) -> None:
        while not self._is_over.wait(self._pace.beat_seconds):
            owner = self._read()
            if owner is not None and owner.token != self._owner.token:
                return  # `verify` will tell; touching it would keep the other one's fence alive
            try:
                os.utime(self._path)
            except OSError as error:
                logger.warning("the fence of the checkpoints cannot be touched: %s", error)

    def _read(self) -> Owner | None:
        try:
            return _parse(self._path.read_text())
        except OSError:
            return None

    def _explain(self, what: str) -> str:
        owner = self._read()
        name = owner.pod if owner is not None else "unknown"
        return f"another pod (uid {name}) writes to the checkpoints of this job: {what}"


@contextmanager
def holding(
    folder: Path, owner: Owner, check: Callable[[], None], pace: Pace | None = None
) -> Iterator[Fence]:
    """Hold the fence of a folder.

    Raises:
        InUseError: another pod holds it and stays.
    """
    fence = Fence(folder, owner, pace or Pace())
    try:
        fence.acquire(check)
        yield fence
    finally:
        fence.release()


def _parse(content: str) -> Owner | None:
    try:
        return _ADAPTER.validate_json(content)
    except ValidationError:
        return None
