"""One run at a time per folder: two trainers that write the same checkpoints ruin both.

The lock is the kernel's (flock) and travels with the open file to the trainer, so it holds as long
as either lives and is gone after a crash, with nothing to clean up. `runs` is the only caller.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from kubectl_finetune.errors import BusyError


@contextmanager
def lock_directory(lock_file: Path) -> Iterator[IO[str]]:
    """Hold the lock of a folder; the open file is handed to the trainer.

    Raises:
        BusyError: another run holds it; the message names its process.
    """
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with lock_file.open("a+", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise BusyError(
                f"another run writes to {lock_file.parent} (process {lock.read().strip() or '?'})",
                hint="wait for it, stop it, or choose another folder with --directory",
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield lock
