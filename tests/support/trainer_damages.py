"""The kinds of damage that a checkpoint or a kept model may suffer: one table for all tests.

Each takes a sealed folder with a model.safetensors and leaves it broken in one way.
"""

import json
from collections.abc import Callable
from pathlib import Path

WEIGHTS = "model.safetensors"
MANIFEST = "manifest.json"


def truncate(folder: Path) -> None:
    """Cut the end off the weights: a writer was killed, or a copy broke off."""
    path = folder / WEIGHTS
    path.write_bytes(path.read_bytes()[:-5])


def flip_a_bit(folder: Path) -> None:
    """Change one bit in the middle of the weights: the size stays."""
    path = folder / WEIGHTS
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def lose_a_file(folder: Path) -> None:
    """Remove the weights."""
    (folder / WEIGHTS).unlink()


def empty_a_file(folder: Path) -> None:
    """Leave the name of the weights and none of their bytes."""
    (folder / WEIGHTS).write_bytes(b"")


def write_a_wrong_hash(folder: Path) -> None:
    """Let the manifest promise other weights than there are."""
    path = folder / MANIFEST
    manifest = json.loads(path.read_text())
    manifest["files"][WEIGHTS]["sha256"] = "0" * 64
    path.write_text(json.dumps(manifest))


def write_an_absurd_header(folder: Path) -> None:
    """Let safetensors announce a header of exabytes: whoever believes it asks for the memory."""
    path = folder / WEIGHTS
    content = bytearray(path.read_bytes())
    content[:8] = (2**62).to_bytes(8, "little")
    path.write_bytes(content)


CORRUPTIONS: dict[str, Callable[[Path], None]] = {
    "truncated": truncate,
    "a flipped bit": flip_a_bit,
    "a missing file": lose_a_file,
    "an empty file": empty_a_file,
    "a wrong hash in the manifest": write_a_wrong_hash,
    "an absurd safetensors header": write_an_absurd_header,
}
