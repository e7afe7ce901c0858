"""The labels that a model knows, as its config.json names them. Needs no torch."""

from collections.abc import Mapping
from typing import Any


def list_labels(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the labels of a model in the order of its outputs; () where it has none."""
    if "label_names" in config:  # timm writes them in order
        return tuple(config["label_names"])
    named = config.get("id2label") or {}
    return tuple(named[number] for number in sorted(named, key=int))
