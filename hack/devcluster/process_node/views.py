"""Gives a container the folders above its mounts, where only the mounts are to be seen.

A pod that mounts /volumes/a and /volumes/b may be told `/volumes`. There is no such folder on this
machine, so one is made with a link for each mount, and the path of the parent leads to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

# A pod that names one of these means the one of its image: here, the machine's own.
_OF_THE_IMAGE = frozenset(
    PurePosixPath("/") / name
    for name in (
        *("bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc"),
        *("root", "run", "sbin", "srv", "sys", "tmp", "usr", "var"),
    )
) | {PurePosixPath("/")}


def make_views(mounts: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """Make the parent folders of mounts below `folder`; give each by its path in the container."""
    views: dict[str, Path] = {}
    mounted = {PurePosixPath(path): local for path, local in mounts.items()}
    for path in sorted(mounted):
        parent = path.parent
        if parent in _OF_THE_IMAGE or any(other in (parent, *parent.parents) for other in mounted):
            continue
        view = folder / parent.relative_to("/")
        view.mkdir(parents=True, exist_ok=True)
        link = view / path.name
        link.unlink(missing_ok=True)
        link.symlink_to(mounted[path], target_is_directory=True)
        views[str(parent)] = view
    return views
