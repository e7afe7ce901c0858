"""Runs a module as a process of its own, and says what it has cost."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import Any


class ChildError(Exception):
    """A process failed; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process has taken.

    Attributes:
        began_at: on the monotonic clock of the machine.
        wall_seconds: until its end.
        cpu_seconds: of all its threads, in user space and kernel.
        peak_bytes: resident memory at its highest.
    """

    began_at: float
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int


def run_module(
    module: str, *arguments: str, given: str = "", limit_seconds: float = 600
) -> tuple[dict[str, Any], Cost]:
    """Run it to its end.

    Args:
        module: prints JSON in its last line.
        arguments: of its command line.
        given: its stdin.
        limit_seconds: after which it is killed.

    Returns:
        what it printed, and its cost.

    Raises:
        ChildError: it failed.
    """
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as out:
        stdin.write(given.encode())
        stdin.seek(0)
        with tempfile.TemporaryFile() as log:
            began = time.monotonic()
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments], stdin=stdin, stdout=out, stderr=log
            )
            timer = threading.Timer(limit_seconds, process.kill)
            timer.start()
            # Not process.wait(): only wait4 tells the use of this one child.
            _, status, usage = os.wait4(process.pid, 0)
            timer.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            wall = time.monotonic() - began
            if process.returncode:
                log.seek(0)
                tail = log.read()[-2000:].decode(errors="replace")
                raise ChildError(f"{module} {arguments} ended with {process.returncode}: {tail}")
        out.seek(0)
        printed = out.read().decode().strip().splitlines()
    used = usage.ru_utime + usage.ru_stime
    return json.loads(printed[-1]), Cost(began, wall, used, usage.ru_maxrss * 1024)
