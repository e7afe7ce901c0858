"""Keeps kopf from remembering anything on our objects, and from copying them to find out.

kopf compares every object with what it stored of it in an annotation, for handlers that we do not
have. Measured, that took more time than everything else the operator does; told that there is
nothing to compare, it takes none, and no annotation can ever be written.
"""

from typing import Any

import kopf


class NoDiffBase(kopf.DiffBaseStorage):
    """Sees no difference in anything."""

    def build(self, **_: Any) -> Any:
        """Give an essence with nothing in it."""
        return {}

    def fetch(self, **_: Any) -> Any:
        """Give what was stored: nothing."""
        return None

    def store(self, **_: Any) -> None:
        """Store nothing."""


class NoProgress(kopf.ProgressStorage):
    """Remembers no handler's progress: ours have none."""

    def fetch(self, **_: Any) -> Any:
        """Give what was stored: nothing."""
        return None

    def store(self, **_: Any) -> None:
        """Store nothing."""

    def purge(self, **_: Any) -> None:
        """There is nothing to purge."""

    def touch(self, **_: Any) -> None:
        """Touch nothing."""

    def clear(self, *, essence: Any) -> Any:
        """Give the essence as it is: nothing of ours is in it."""
        return essence
