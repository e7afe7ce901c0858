"""Rewrites the paths a pod knows into the folders where they are on this machine.

There is no mount namespace, so `/etc/finetune/job.json` of a pod is really a file below the
node's own folder. Wherever an environment value, the command or an argument names a path that is
a mountPath, lies below one, or is the container's termination log, that piece of text becomes the
local path:

    --config=/etc/finetune/job.json   ->  --config=/node/pods/UID/volumes/job/job.json
    cat /data/a > /dev/termination-log  ->  both paths
    /database, http://host/data/x      ->  unchanged: /data is no whole path there

A folder above several mounts counts as well (see `views`). The longest path wins. Rewriting
happens once, after $(VAR) expansion. A program that has such a path built in, or computes it, does
not find it: pods for this node pass paths as values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

# What may stand directly before and after a path inside a longer text such as a shell line.
_BEFORE = r"(?:(?<=[\s\"'=:,;(\[{<>|&`])|^)"
_AFTER = r"(?=[/\s\"'=:,;)\]}<>|&`]|$)"


class PathMap:
    """Where the paths of one container are."""

    def __init__(self, local_by_container_path: Mapping[str, Path]) -> None:
        """Take container paths, absolute, and the local file or folder behind each."""
        self._local = {_normalize(path): local for path, local in local_by_container_path.items()}
        longest_first = sorted(self._local, key=len, reverse=True)
        alternatives = "|".join(re.escape(path) for path in longest_first)
        self._pattern = re.compile(f"{_BEFORE}(?:{alternatives}){_AFTER}")

    def rewrite(self, text: str) -> str:
        """Replace every known path in a text."""
        if not self._local:
            return text
        return self._pattern.sub(lambda match: str(self._local[match[0]]), text)

    def locate(self, container_path: str) -> Path | None:
        """Give the local path of exactly this or a lower container path; None when unknown."""
        rewritten = self.rewrite(_normalize(container_path))
        return Path(rewritten) if rewritten != _normalize(container_path) else None


def _normalize(path: str) -> str:
    return path.rstrip("/") or "/"
