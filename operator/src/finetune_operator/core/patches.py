"""Finds the smallest merge patch from one JSON document to another.

A status is patched and never replaced: fields that a newer release wrote stay, and a patch of the
progress alone is a few hundred bytes.
"""

from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]


def build_merge_patch(before: Document, after: Document) -> dict[str, Any]:
    """Give the patch (RFC 7386) that makes `after` of `before`; empty when nothing differs."""
    patch: dict[str, Any] = {name: None for name in before if name not in after}
    for name, value in after.items():
        old = before.get(name)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            if inner := build_merge_patch(old, value):
                patch[name] = inner
        elif name not in before or old != value:
            patch[name] = value
    return patch
