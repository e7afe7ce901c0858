"""The kinds of damage that a checkpoint or a kept model may suffer: one table for all tests.

Each takes a sealed folder and the name of a file in it, and leaves that file broken in one way.
"""

import json
from collections.abc import Callable
from pathlib import Path

from finetune_trainer import sealing

WEIGHTS = "model.safetensors"
MANIFEST = "manifest.json"
STATE_FILES = (WEIGHTS, "optimizer.pt", "rng_state.pth", "scheduler.pt", "trainer_state.json")
"""What a checkpoint of the trainer consists of."""

Damage = Callable[[Path, str], None]


def truncate(folder: Path, name: str = WEIGHTS) -> None:
    """Cut the end off: a writer was killed, or a copy broke off."""
    path = folder / name
    path.write_bytes(path.read_bytes()[:-5])


def flip_a_bit(folder: Path, name: str = WEIGHTS) -> None:
    """Change one bit in the middle: the size stays."""
    path = folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def lose_a_file(folder: Path, name: str = WEIGHTS) -> None:
    """Remove the file."""
    (folder / name).unlink()


def empty_a_file(folder: Path, name: str = WEIGHTS) -> None:
    """Leave the name and none of the bytes."""
    (folder / name).write_bytes(b"")


def write_a_wrong_hash(folder: Path, name: str = WEIGHTS) -> None:
    """Let the manifest promise another file than there is."""
    path = folder / MANIFEST
    manifest = json.loads(path.read_text())
    manifest["files"][name]["sha256"] = "0" * 64
    path.write_text(json.dumps(manifest))


def write_an_absurd_header(folder: Path, name: str = WEIGHTS) -> None:
    """Let the file begin with a length of exabytes: whoever believes it asks for the memory."""
    path = folder / name
    content = bytearray(path.read_bytes())
    content[:8] = (2**62).to_bytes(8, "little")
    path.write_bytes(content)


CORRUPTIONS: dict[str, Damage] = {
    "truncated": truncate,
    "a flipped bit": flip_a_bit,
    "a missing file": lose_a_file,
    "an empty file": empty_a_file,
    "a wrong hash in the manifest": write_a_wrong_hash,
    "an absurd header": write_an_absurd_header,
}


def reseal(folder: Path) -> None:
    """Write the manifest anew, as somebody does who knows how it is made."""
    about = json.loads((folder / MANIFEST).read_text())
    del about["files"]
    (folder / MANIFEST).unlink()
    sealing.seal(folder, MANIFEST, about)
