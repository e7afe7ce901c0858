"""Runs one command and ends everything it started, at the latest when its own parent is gone.

Who calls it: `leashed_processes` for the parts of a control plane, and the process node for every
container. It is run as a script, by path, with `python -I -S leash.py COMMAND ...`: it starts in
about 20 ms and imports nothing but the standard library.

Why not PR_SET_PDEATHSIG alone: it reaches one process, not the workers that process started, and
it fires when the *thread* that forked ends. Here the parent holds the other end of our stdin. The
kernel closes it however the parent dies, SIGKILL included, so no signal handler has to run.

Lines understood on stdin: a number sends that signal to the command alone, as a kubelet does with
the first process of a container; `kill` ends the whole tree, and so does end of file. When the
command ends by itself, what it left behind is killed, as the end of a PID namespace would do.
The exit status is the command's, 128 + N for signal N, and 128 if it could not be started.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
CANNOT_START = 128
STDIN = 0


def main(command: list[str]) -> int:
    """Run `command` to its end and give its exit status."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # orphaned grandchildren become ours to find
    child = start(command, libc)
    commands = b""
    child_ends = os.pidfd_open(child)
    poller = select.poll()
    poller.register(child_ends, select.POLLIN)
    poller.register(STDIN, select.POLLIN)
    while True:
        ready = [descriptor for descriptor, _ in poller.poll()]
        if child_ends in ready:
            break
        received = os.read(STDIN, 4096)
        commands += received
        *lines, commands = commands.split(b"\n")
        if not received or b"kill" in lines:
            kill_descendants()
            break
        for line in lines:
            os.kill(child, int(line))
    _, status = os.waitpid(child, 0)
    end_descendants()
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def start(command: list[str], libc: ctypes.CDLL) -> int:
    """Fork and execute; give the process id.

    stdin of the command is empty: ours is the leash. The death signal is a second line of
    defence, for the case that we are killed ourselves.
    """
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the line above took effect
        os._exit(CANNOT_START)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, STDIN)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)  # Python ignores them, and exec would inherit that
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"cannot start {command[0]!r}: {error.strerror}\n".encode())
        os._exit(CANNOT_START)


def end_descendants() -> None:
    """Kill and reap until nothing is left: a dying process may still have forked."""
    while True:
        kill_descendants()
        try:
            os.wait()
        except ChildProcessError:
            return


def kill_descendants() -> None:
    """Send SIGKILL to every process below us, also to those with a session of their own."""
    children = find_children()
    waiting = list(children.get(os.getpid(), []))
    while waiting:
        process = waiting.pop()
        waiting += children.get(process, [])
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue


def find_children() -> dict[int, list[int]]:
    """Map every process to its children, read from /proc."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                stat = file.read()
        except OSError:  # it ended while we were reading
            continue
        # The name in parentheses may itself hold spaces and parentheses: count from the last one.
        parent = int(stat[stat.rindex(b")") + 2 :].split()[1])
        children.setdefault(parent, []).append(int(name))
    return children


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
