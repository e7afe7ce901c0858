"""Works out how a container becomes a process: command line, environment, folders.

Everything that decides what is executed is here; `containers` only runs the result.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devcluster.api import Object
from devcluster.process_node.downward import PodFacts
from devcluster.process_node.environment import expand, resolve_environment
from devcluster.process_node.neighbours import Neighbours
from devcluster.process_node.paths import PathMap
from devcluster.process_node.references import References
from devcluster.process_node.settings import NodeSettings
from devcluster.process_node.views import make_views
from devcluster.process_node.volumes import locate_mounts

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DEFAULT_TERMINATION_LOG = "/dev/termination-log"


class ImageNotFoundError(Exception):
    """A container without a command, and no entry point is known for its image."""


@dataclass(frozen=True, slots=True)
class PodRoom:
    """The folders of one pod on this machine."""

    folder: Path
    logs: Path

    @property
    def volumes(self) -> Path:
        """Where its volumes are made."""
        return self.folder / "volumes"

    @property
    def home(self) -> Path:
        """HOME of its containers, and where they start."""
        return self.folder / "home"

    @property
    def scratch(self) -> Path:
        """TMPDIR of its containers."""
        return self.folder / "tmp"

    def termination_log(self, container: str) -> Path:
        """Where a container leaves its last words."""
        return self.folder / "containers" / container / "termination-log"

    def make(self) -> None:
        """Make the folders."""
        for folder in (self.volumes, self.home, self.scratch, self.logs):
            folder.mkdir(parents=True, exist_ok=True)


@dataclass(frozen=True, slots=True)
class Launch:
    """All it takes to start one container."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    termination_log: Path


@dataclass(frozen=True, slots=True)
class LaunchContext:
    """What all containers of one pod have in common."""

    facts: PodFacts
    room: PodRoom
    settings: NodeSettings
    references: References
    volumes: Mapping[str, Path]
    neighbours: Neighbours | None = None


async def prepare_launch(context: LaunchContext, container: Object) -> Launch:
    """Work out how to run a container.

    Raises:
        ImageNotFoundError: nothing says what to run.
        MissingReferenceError: a ConfigMap or a Secret of its environment is absent.
        ValueError: the container asks for something this node does not know.
    """
    if not container.get("command"):
        check_image(context.settings, container["image"])
    variables = await resolve_environment(context.facts, container, context.references)
    if context.neighbours:
        ports = context.settings.port_variables
        variables = context.neighbours.translate(context.facts, variables, ports)
    mounts = locate_mounts(container, context.volumes, variables)
    termination_log = context.room.termination_log(container["name"])
    named = container.get("terminationMessagePath", DEFAULT_TERMINATION_LOG)
    views = make_views(mounts, termination_log.parent / "view")
    paths = PathMap({**views, **mounts, named: termination_log})
    environment = build_base_environment(context.settings, context.room, paths)
    environment |= context.settings.find_image_environment(container["image"])
    environment |= {name: paths.rewrite(value) for name, value in variables.items()}
    return Launch(
        command=build_command(context.settings, container, variables, paths),
        environment=environment,
        folder=_find_working_folder(container, paths, context.room),
        termination_log=termination_log,
    )


def check_image(settings: NodeSettings, image: str) -> None:
    """Raise ImageNotFoundError if the image has no entry point here."""
    if settings.find_entry_point(image) is None:
        raise ImageNotFoundError(
            f'failed to pull image "{image}": this node runs processes; give the container a '
            f"command or the node an entry point for the image"
        )


def build_command(
    settings: NodeSettings, container: Object, variables: Mapping[str, str], paths: PathMap
) -> tuple[str, ...]:
    """Build the command line; an entry point of ours already has this machine's paths."""

    def localize(words: list[str]) -> tuple[str, ...]:
        return tuple(paths.rewrite(expand(word, variables)) for word in words)

    arguments = localize(container.get("args") or [])
    if container.get("command"):
        return localize(container["command"]) + arguments
    return (settings.find_entry_point(container["image"]) or ()) + arguments


def build_base_environment(settings: NodeSettings, room: PodRoom, paths: PathMap) -> dict[str, str]:
    """Build what every container gets: nothing of ours but what is passed on by name."""
    # Without a setting, `python` is the one that runs the node: it has what the tests need.
    folders = settings.path or (Path(sys.executable).parent,)
    passed = {name: os.environ[name] for name in settings.pass_environment if name in os.environ}
    return {
        "PATH": os.pathsep.join([*map(str, folders), SYSTEM_PATH]),
        "HOME": str(room.home),
        "TMPDIR": str(paths.locate("/tmp") or room.scratch),
        "LANG": "C.UTF-8",
        **passed,
    }


def find_executable(launch: Launch) -> str | None:
    """Find what the command's first word names; None if there is no such program."""
    program = launch.command[0]
    if "/" in program:
        candidate = launch.folder / program
        return str(candidate) if os.access(candidate, os.X_OK) else None
    return shutil.which(program, path=launch.environment["PATH"])


def _find_working_folder(container: Object, paths: PathMap, room: PodRoom) -> Path:
    wanted = container.get("workingDir")
    if not wanted:
        return room.home
    mounted = paths.locate(wanted)
    if mounted:
        mounted.mkdir(parents=True, exist_ok=True)
        return mounted
    # A folder of the image: here it may exist by chance, else the pod's own folder serves.
    return Path(wanted) if Path(wanted).is_dir() else room.home
