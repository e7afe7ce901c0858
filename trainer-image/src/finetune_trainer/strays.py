"""Files that lead out of where they lie: links to what belongs to others, or to the pod itself.

Models and data come from strangers. A link called vocab.txt or train.csv that leads to
/proc/self/environ would carry the pod's token into the model that is published. `models.references`
and `data.opening` ask here before a file is opened.
"""

from collections.abc import Iterable
from pathlib import Path

SYSTEM_FOLDERS = (Path("/proc"), Path("/sys"), Path("/dev"))
"""Hold what the kernel tells about processes; never data."""


def find_strays(files: Iterable[Path], root: Path | None) -> list[str]:
    """Name the files that lead out.

    Args:
        files: of one source, which lie in its folder.
        root: what the source may reach besides its own folder: its claim; None for any folder of
            a machine that is the user's own.
    """
    return sorted(file.name for file in files if _is_stray(file, root))


def _is_stray(file: Path, root: Path | None) -> bool:
    target = file.resolve()
    if any(target.is_relative_to(folder) for folder in SYSTEM_FOLDERS):
        return True
    return root is not None and not any(
        target.is_relative_to(home) for home in (root.resolve(), *_list_homes(file))
    )


def _list_homes(file: Path) -> list[Path]:
    """Give the folders that a file may lie in: its own, and that of the hub's client's cache.

    A cache that is used as a volume has `snapshots/<commit>` full of links to `blobs`.
    """
    folder = file.parent.resolve()
    is_cached = folder.parent.name == "snapshots"
    return [folder, *([folder.parents[1] / "blobs"] if is_cached else [])]
