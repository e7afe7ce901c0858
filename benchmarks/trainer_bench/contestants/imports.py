"""The least that a start can cost: the imports that every training needs, and the model."""

import time

from trainer_bench.orders import Measurement, Order


def run(order: Order) -> Measurement:
    """Import and load; the "first step" is where training could begin."""
    import torch
    import transformers.trainer  # noqa: F401  the Trainer is what everybody imports
    from transformers import AutoModelForSequenceClassification

    AutoModelForSequenceClassification.from_pretrained(
        order.folder / "model", num_labels=2, dtype=torch.float32
    )
    return Measurement(time.monotonic())
