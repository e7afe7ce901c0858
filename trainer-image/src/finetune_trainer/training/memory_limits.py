"""Refuses a job that cannot fit into memory, with the numbers and the remedy, before it is begun.

`assembly` calls it. Without this the kernel ends the pod in mid-training with nothing but 137.
"""

import logging
import os
from pathlib import Path

from finetune_api.v1alpha1 import FineTuneJobSpec
from finetune_trainer.errors import ConfigError
from finetune_trainer.models.loading import Loaded
from finetune_trainer.reporting.board import Board
from finetune_trainer.runtime import Machine
from finetune_trainer.tasks.base import Rows
from finetune_trainer.training.memory_estimates import (
    GIGABYTE,
    MemoryEstimate,
    estimate_memory,
    list_remedies,
    read_size,
)

logger = logging.getLogger(__name__)

MEMORY_LIMIT_FILE = Path("/sys/fs/cgroup/memory.max")
REFUSED_SHARE = 1.2
"""Refused above this share of the limit: the estimate is 15 % off at worst where it was measured,
and a job that would have fitted must not be refused."""
WARNED_SHARE = 0.9


def check_memory(
    spec: FineTuneJobSpec, loaded: Loaded, train: Rows, machine: Machine, board: Board
) -> list[str]:
    """Estimate what a step on the longest texts will take, report it, and refuse what cannot fit.

    Args:
        spec: the resolved spec.
        loaded: the model.
        train: the rows to learn from, as texts.
        machine: what the training runs on.
        board: shows the estimate.

    Returns:
        a warning when it is close.

    Raises:
        ConfigError: it cannot fit.
    """
    training = spec.training.model_copy(update={"precision": machine.precision})
    chosen = spec.model_copy(update={"training": training})
    size = read_size(loaded.model.config.to_dict(), *loaded.count_parameters())
    rows = min(training.batch_size, len(train))
    on_gpu = machine.device == "cuda"
    estimate = estimate_memory(chosen, size, rows, max(train.lengths), on_gpu=on_gpu)
    board.resolve(memory_estimate=estimate.describe())
    logger.info("a training step needs about %s", estimate.describe())
    limit, place = (_read_device_limit(), "the GPU") if on_gpu else (read_host_limit(), "this pod")
    warning = check_fit(chosen, estimate, limit, place)
    return [warning] if warning else []


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
