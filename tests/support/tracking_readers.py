"""Reads event files back with TensorBoard's own reader."""

from pathlib import Path
from typing import Any


def read_scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Give the steps and values of each scalar of a run, as TensorBoard shows them."""
    events = _load(folder)
    found = {
        tag: [(point.step, round(point.value, 6)) for point in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }
    return {tag: points for tag, points in found.items() if points}


def read_texts(folder: Path, tag: str) -> list[str]:
    """Give the texts under a tag."""
    events = _load(folder)
    return [
        event.tensor_proto.string_val[0].decode() for event in events.Tensors(f"{tag}/text_summary")
    ]


def _load(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    accumulator.Reload()
    return accumulator
