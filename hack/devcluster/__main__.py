"""The command line: `python -m devcluster build | up | node`.

`make` calls `build` and `up`; `node` is what `running_node` starts, and what a second node by hand
needs.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from devcluster import binaries
from devcluster.control_plane import ControlPlane
from devcluster.errors import DevClusterError
from devcluster.process_node.nodes import ProcessNode
from devcluster.process_node.settings import NodeSettings
from devcluster.running_node import READY, RunningNode

CHECK_SECONDS = 1.0


def main() -> int:
    """Parse the command line and run one command; give its exit status."""
    arguments = build_parser().parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    command: Callable[[argparse.Namespace], None] = arguments.command
    try:
        command(arguments)
    except DevClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Build the parser; every sub-command stores its function in `command`."""
    parser = argparse.ArgumentParser(prog="devcluster", description=__doc__)
    commands = parser.add_subparsers(required=True)

    build = commands.add_parser("build", help="build tools and print where they are")
    build.add_argument("tools", nargs="*", metavar="TOOL", help=", ".join(binaries.ALL_TOOLS))
    build.set_defaults(command=build_tools)

    up = commands.add_parser("up", help="run a control plane until Ctrl-C")
    up.add_argument("--folder", type=Path, help="keep data here (default: a temporary folder)")
    up.add_argument("--audit-log", type=Path, help="write one line for every request")
    up.add_argument("--node", action="store_true", help="also run a process node")
    add_node_arguments(up)
    up.set_defaults(command=run_control_plane)

    node = commands.add_parser("node", help="run a process node until Ctrl-C")
    node.add_argument("--kubeconfig", type=Path, required=True)
    node.add_argument("--folder", type=Path, help="default: a temporary folder")
    node.add_argument("--settings", type=Path, help="a file that replaces all other settings")
    node.add_argument("--ready-descriptor", type=int, help=argparse.SUPPRESS)
    add_node_arguments(node)
    node.set_defaults(command=run_node)
    return parser


def add_node_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what both `up --node` and `node` can be told about the node."""
    parser.add_argument("--name", default="process-node", help="name of the node")
    parser.add_argument("--gpus", type=int, default=0, help="nvidia.com/gpu it claims to have")
    parser.add_argument(
        "--path",
        type=Path,
        action="append",
        default=[],
        help="folder put first on PATH of every container; may be repeated",
    )
    parser.add_argument(
        "--pass-environment",
        action="append",
        default=[],
        metavar="NAME",
        help="variable of ours that every container gets; may be repeated",
    )
    parser.add_argument(
        "--image-command",
        action="append",
        default=[],
        metavar="PATTERN=COMMAND",
        help="entry point of an image, such as '*trainer*=python -m trainer'; may be repeated",
    )


def build_tools(arguments: argparse.Namespace) -> None:
    """Build what is named, or everything, and print one path a line."""
    for name in arguments.tools or binaries.ALL_TOOLS:
        print(binaries.ensure(name), flush=True)


def run_control_plane(arguments: argparse.Namespace) -> None:
    """Run a control plane, with a node if asked for, until a signal or a failure."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with ExitStack() as stack:
        folder = find_folder(arguments, stack)
        started_at = time.monotonic()
        cluster = stack.enter_context(ControlPlane(folder, audit_log=arguments.audit_log))
        if arguments.node:
            settings = read_settings(arguments, folder / "node")
            stack.enter_context(RunningNode(cluster.kubeconfig, settings))
        print(f"ready after {time.monotonic() - started_at:.1f} s; Ctrl-C ends it", file=sys.stderr)
        print(f"export KUBECONFIG={shlex.quote(str(cluster.kubeconfig))}", flush=True)
        while True:
            time.sleep(CHECK_SECONDS)
            cluster.check_running()


def run_node(arguments: argparse.Namespace) -> None:
    """Run a process node until a signal or a failure."""
    with ExitStack() as stack:
        if arguments.settings:
            settings = NodeSettings.from_json(arguments.settings.read_text())
        else:
            settings = read_settings(arguments, find_folder(arguments, stack))
        node = ProcessNode(arguments.kubeconfig, settings)
        asyncio.run(serve_node(node, arguments.ready_descriptor))


async def serve_node(node: ProcessNode, ready_descriptor: int | None) -> None:
    """Run a node until SIGINT or SIGTERM, saying on a pipe when it is ready."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with node:
        if ready_descriptor is not None:
            os.write(ready_descriptor, READY)
            os.close(ready_descriptor)
        work = {asyncio.create_task(node.wait()), asyncio.create_task(stopped.wait())}
        done, pending = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        for task in done:
            task.result()


def read_settings(arguments: argparse.Namespace, folder: Path) -> NodeSettings:
    """Read the node's settings from the command line."""
    entry_points = (entry.partition("=") for entry in arguments.image_command)
    return NodeSettings(
        folder=folder.resolve(),
        name=arguments.name,
        gpus=arguments.gpus,
        path=tuple(folder.resolve() for folder in arguments.path),
        pass_environment=tuple(arguments.pass_environment),
        image_commands={image: tuple(shlex.split(line)) for image, _, line in entry_points},
    )


def find_folder(arguments: argparse.Namespace, stack: ExitStack) -> Path:
    """Give the folder asked for, or a temporary one that goes with the stack."""
    if arguments.folder:
        return Path(arguments.folder)
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="devcluster-")))


if __name__ == "__main__":
    sys.exit(main())
