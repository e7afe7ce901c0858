"""Secrets that a test knows, and all that a trainer leaves behind: none may be found in it.

`watch_trainer` runs one as a process and keeps what anybody could have seen of it: its streams, the
pages that it served, the command lines of it and its children. `find_leaks` looks through that and
through folders, byte by byte, for a secret in any form in which a library might write it down.
"""

import base64
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from finetune_api.contract.environment import METRICS_PATH, PROGRESS_PATH, Variable
from operator_runs import find_free_port
from trainer_jobs import TrainerJob

LOOK_SECONDS = 0.1
DEADLINE_SECONDS = 120

HUB_TOKEN = "hf_writeCanary4f1b77"
ACCESS_KEY = "canary-access-key"
SECRET_KEY = "canary/secret+key-8d1f"
"""With the signs that an address spells otherwise."""
USER, PASSWORD = "somebody", "canary-password-51c2"
CANARIES = (HUB_TOKEN, ACCESS_KEY, SECRET_KEY, PASSWORD)


@dataclass
class Seen:
    """What could be seen of a trainer.

    Attributes:
        code: its exit code.
        texts: what it said and served, by place.
        processes: how many there were.
    """

    code: int = 0
    texts: dict[str, bytes] = field(default_factory=dict)
    processes: int = 0

    def note(self, place: str, content: bytes) -> None:
        """Add to what was seen in a place."""
        self.texts[place] = self.texts.get(place, b"") + content + b"\n"

    @property
    def log(self) -> str:
        """What it wrote to its streams."""
        return self.texts["streams"].decode()


def watch_trainer(
    job: TrainerJob, variables: Mapping[str, str], command: Sequence[str] = ()
) -> Seen:
    """Run a trainer to its end, and look at it all the time.

    Args:
        job: what it runs.
        variables: what a Secret and the platform bring into the pod.
        command: arguments of Python; by default the module of the trainer.
    """
    port = find_free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(job.folder),
        **job.environment(),
        Variable.REPORT_ADDRESS: "127.0.0.1",
        Variable.REPORT_PORT: str(port),
        **variables,
    }
    process = subprocess.Popen(
        [sys.executable, *(command or ("-m", "finetune_trainer"))],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    seen, is_over = Seen(), threading.Event()
    watch = threading.Thread(target=_watch, args=(process.pid, port, seen, is_over))
    watch.start()
    try:
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    finally:
        is_over.set()
        watch.join()
        process.kill()
    seen.code = process.returncode
    seen.note("streams", output)
    return seen


def _watch(pid: int, port: int, seen: Seen, is_over: threading.Event) -> None:
    known: set[int] = set()
    while not is_over.wait(LOOK_SECONDS):
        try:
            for process in list_family(pid):
                seen.note("command lines", Path(f"/proc/{process}/cmdline").read_bytes())
                known.add(process)
        except OSError:
            continue  # one has just ended
        for path in (PROGRESS_PATH, METRICS_PATH):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as page:
                    seen.texts[path] = page.read()  # the newest says all that the others said
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                continue
    seen.processes = len(known)


def list_family(pid: int) -> set[int]:
    """Give a process and all that came out of it."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        # Behind the name, which may hold anything: the state, and the parent.
        parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    family = {pid}
    while grown := {child for child, parent in parents.items() if parent in family} - family:
        family |= grown
    return family


def find_leaks(texts: Mapping[str, bytes], folders: Iterable[Path] = ()) -> list[str]:
    """Name every secret that is found, with its place."""
    files = {
        str(path): path.read_bytes()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file()
    }
    return [
        f"{canary} in {place}"
        for place, content in {**texts, **files}.items()
        for canary in CANARIES
        if any(form in content for form in _list_forms(canary))
    ]


def _list_forms(canary: str) -> list[bytes]:
    """Give a secret as it is, as an address spells it, as JSON, and as a client sends it."""
    plain = (canary, quote(canary, safe=""), json.dumps(canary)[1:-1])
    pairs = [base64.b64encode(f"{user}:{canary}".encode()) for user in (USER, "hf_user", "user")]
    return [form.encode() for form in plain] + pairs
