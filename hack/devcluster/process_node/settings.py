"""What a process node can be told; given by tests, by `running_node` and by the command line."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """One process node."""

    folder: Path
    """For volumes, logs and scratch; the node owns it."""
    name: str = "process-node"
    """Name of the Node object."""
    gpus: int = 0
    """How many nvidia.com/gpu the node claims to have; no device is handed to anybody."""
    path: tuple[Path, ...] = ()
    """Folders put first on PATH; `python` in a pod is the one found here."""
    pass_environment: tuple[str, ...] = ()
    """Names of variables that every container gets from our own environment."""
    image_commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Entry point by image pattern (`*` matches anything), for containers without a command."""
    image_environment: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Variables by image pattern, as an image's own ENV lines would set them."""
    port_variables: tuple[str, ...] = ("FINETUNE_LEADER_PORT",)
    """Variables that hold the port at which a group of pods meets; see `neighbours`."""

    def find_entry_point(self, image: str) -> tuple[str, ...] | None:
        """Give the entry point of an image; None: we do not have this image."""
        for pattern, command in self.image_commands.items():
            if fnmatch.fnmatchcase(image, pattern):
                return tuple(command)
        return None

    def find_image_environment(self, image: str) -> dict[str, str]:
        """Give the variables an image brings along; a later pattern wins."""
        found: dict[str, str] = {}
        for pattern, variables in self.image_environment.items():
            if fnmatch.fnmatchcase(image, pattern):
                found.update(variables)
        return found

    def to_json(self) -> str:
        """Write down for another process; `from_json` reads it."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        values = json.loads(text)
        values["folder"] = Path(values["folder"])
        values["path"] = tuple(Path(folder) for folder in values["path"])
        values["pass_environment"] = tuple(values["pass_environment"])
        values["port_variables"] = tuple(values["port_variables"])
        commands = values["image_commands"]
        values["image_commands"] = {image: tuple(argv) for image, argv in commands.items()}
        return cls(**values)
