"""Refuses a job that cannot fit into memory, with the numbers and the remedy, before it is begun.

`preparations` calls it, before the weights are read. Without this the kernel ends the pod in
mid-training with nothing but 137.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from finetune_api.v1alpha1 import FineTuneJobSpec
from finetune_trainer.errors import ConfigError
from finetune_trainer.models.loading import Loaded
from finetune_trainer.models.quickening import quicken_training
from finetune_trainer.runtime import Machine
from finetune_trainer.tasks.base import Batch, Collator, Rows
from finetune_trainer.training import memory_simulations
from finetune_trainer.training.contexts import Context
from finetune_trainer.training.memory_estimates import (
    GIGABYTE,
    MemoryEstimate,
    ModelSize,
    Peak,
    estimate_loading,
    estimate_training,
    list_remedies,
)
from finetune_trainer.training.memory_simulations import Play

logger = logging.getLogger(__name__)

MEMORY_LIMIT_FILE = Path("/sys/fs/cgroup/memory.max")
REFUSED_SHARE = 1.2
"""Refused above this share of the limit: the estimate was 8 % off at worst where it was measured,
and a job that would have fitted must not be refused."""
WARNED_SHARE = 0.9
THE_GPU, THE_POD = "the GPU", "this pod"


def check_memory(
    context: Context,
    sketch: Loaded,
    rows: dict[str, Rows],
    collate: Collator,
    machine: Machine,
) -> None:
    """Estimate what the training will take, report it, and refuse what cannot fit.

    Args:
        context: of the attempt.
        sketch: the model without weights, which is used up.
        rows: of each part, encoded.
        collate: makes batches.
        machine: what the training runs on.

    Raises:
        ConfigError: it cannot fit.
    """
    spec, seat = context.job.spec, context.ranks.seat
    on_gpu = machine.device == "cuda"
    size = measure_model(sketch, spec)
    peak = _play(spec, sketch, rows, collate, machine)
    if peak is None:
        logger.warning("this model cannot be played through: its activations are not estimated")
        peak = Peak(training=4 * size.trainable)
    training = estimate_training(spec, size, peak, on_gpu=on_gpu, seat=seat)
    loading = estimate_loading(size, seat)
    needs = {THE_GPU: training, THE_POD: loading} if on_gpu else {THE_POD: training}
    if not on_gpu and loading.total > training.total:
        needs = {THE_POD: loading}
    said = "; ".join(f"{place} {estimate.describe()}" for place, estimate in needs.items())
    context.board.resolve(memory_estimate=said if on_gpu else needs[THE_POD].describe())
    logger.info("memory needed: about %s", said)
    for place, estimate in needs.items():
        limit = _read_device_limit() if place == THE_GPU else read_host_limit()
        warning = check_fit(spec, estimate, limit, place)
        context.board.warn(*([warning] if warning else []))


def measure_model(sketch: Loaded, spec: FineTuneJobSpec) -> ModelSize:
    """Count the weights of a sketch by what becomes of them."""
    total, trainable = sketch.count_parameters()
    return ModelSize(
        parameters=total,
        trainable=trainable,
        quantized=_count_quantized(sketch.model) if spec.method.type == "QLoRA" else 0,
        largest_layer=max(_list_layer_sizes(sketch), default=0),
    )


def _count_quantized(model: Any) -> int:
    """Count what bitsandbytes puts into four bits: linear layers, but for the output layer."""
    import torch

    return sum(
        module.weight.numel()
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear)
        and not module.weight.requires_grad
        and "lora_" not in name
        and not name.endswith("lm_head")
    )


def _list_layer_sizes(sketch: Loaded) -> list[int]:
    sizes: dict[int, int] = {}
    for name, parameter in sketch.model.named_parameters():
        layer = sketch.layout.layer_of.get(name, -1)
        sizes[layer] = sizes.get(layer, 0) + parameter.numel()
    return list(sizes.values())


def _play(
    spec: FineTuneJobSpec,
    sketch: Loaded,
    rows: dict[str, Rows],
    collate: Collator,
    machine: Machine,
) -> Peak | None:
    training = spec.training
    judged = [part for name, part in rows.items() if name != "train"] or [rows["train"]]
    longest = max(judged, key=lambda part: max(part.lengths))
    how = Play(
        precision=machine.precision,
        checkpoints=training.gradient_checkpointing,
        is_extraction=spec.method.type == "FeatureExtraction",
        batches=training.gradient_accumulation_steps,
        has_fused_attention=machine.device == "cuda",
    )
    quicken_training(sketch.model, machine.device, is_compiled=training.compile)
    asked = spec.evaluation.batch_size or 4 * training.batch_size
    return memory_simulations.play(
        sketch.model,
        make_largest_batch(rows["train"], collate, training.batch_size),
        make_largest_batch(longest, collate, asked),
        how,
    )


def make_largest_batch(rows: Rows, collate: Collator, size: int) -> Batch:
    """Put the longest rows together: the Trainer does so as well, and longest rows come first."""
    lengths: Sequence[int] = rows.lengths
    order = sorted(range(len(rows)), key=lambda place: -lengths[place])[:size]
    return collate([rows[place] for place in order])


def _read_device_limit() -> int:
    import torch

    free_bytes, _ = torch.cuda.mem_get_info()
    return int(free_bytes)


def read_host_limit(limit_file: Path = MEMORY_LIMIT_FILE) -> int:
    """Give the memory that this process may take, in bytes: of its control group, else all."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(int(limit_file.read_text()), physical)
    except (OSError, ValueError):  # no control group, or "max"
        return physical


def check_fit(
    spec: FineTuneJobSpec, estimate: MemoryEstimate, limit_bytes: int, place: str
) -> str | None:
    """Compare an estimate with what there is.

    Args:
        spec: the resolved spec, for the remedy.
        estimate: of the peak.
        limit_bytes: what there is.
        place: what memory is meant, `this pod` or `the GPU`.

    Returns:
        a warning when it is close; None when there is room.

    Raises:
        ConfigError: it cannot fit.
    """
    limit = f"{place} has {limit_bytes / GIGABYTE:.2f} GiB"
    if estimate.total > REFUSED_SHARE * limit_bytes:
        raise ConfigError(
            f"training needs about {estimate.describe()} of memory, but {limit}",
            hint=list_remedies(spec, estimate),
        )
    if estimate.total > WARNED_SHARE * limit_bytes:
        return f"training needs about {estimate.describe()} of memory, and {limit}: it is close"
    return None
