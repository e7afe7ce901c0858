"""Sets the process up for speed and for repeatable results: part before torch, part after.

What torch and the C library read once when they are loaded must be set before; `run` sees to the
order. A pod that asks for two cores on a node of 64 would otherwise start 64 threads and be
throttled.
"""

import ctypes
import gc
import logging
import math
import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from finetune_api.v1alpha1.training import Precision
from finetune_trainer.errors import ConfigError, GpuFaultError
from finetune_trainer.settings import Settings

logger = logging.getLogger(__name__)
CPU_QUOTA_FILE = Path("/sys/fs/cgroup/cpu.max")
CPU_INFO_FILE = Path("/proc/cpuinfo")
BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
# glibc gives blocks above the first limit straight back to the kernel, and zeroes new ones: with
# the defaults a third of a step on long texts is page faults.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_KEPT_BYTES = 1 << 30
_LARGEST_MMAP_THRESHOLD = 32 * 2**20
MATMUL_TOLERANCE = 1e-5
"""Rounding of float32 gives 1e-6; a product rounded to bfloat16 would be off by 4e-3."""

ResolvedPrecision = Literal["Float32", "BFloat16", "Float16"]


@dataclass(frozen=True, slots=True)
class Machine:
    """What the training runs on.

    Attributes:
        device: cpu or cuda.
        precision: the arithmetic of training.
        warnings: what is unwise about it.
    """

    device: Literal["cpu", "cuda"]
    precision: ResolvedPrecision
    warnings: tuple[str, ...] = ()


def prepare_for_torch(settings: Settings) -> None:
    """Set what libraries read when they are imported. Call it before torch is."""
    # The ranks of a pod share its cores.
    threads = str(max(1, count_threads(settings.cpu_millicores) // settings.seat.local_count))
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[name] = threads
    keep_freed_memory()


def delay_garbage_collection() -> None:
    """Look for no garbage while libraries are imported and rows are read; for a process of its own.

    They make a million objects that all stay. Looking through them again and again takes a fifth of
    the time to the first step.
    """
    gc.disable()


def begin_garbage_collection() -> None:
    """Look for garbage from now on, but not among what has come to stay."""
    if not gc.isenabled():
        gc.enable()
        gc.freeze()


def prepare_hub(settings: Settings) -> None:
    """Send caches to the scratch volume, and keep the hub's client quiet and private."""
    os.environ.setdefault("HF_HOME", str(settings.scratch / "huggingface"))
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["TRANSFORMERS_VERBOSITY"] = "error"
    os.environ["TOKENIZERS_PARALLELISM"] = "true"


def count_threads(
    millicores: int | None, quota_file: Path = CPU_QUOTA_FILE, affinity: int | None = None
) -> int:
    """Say how many threads may compute at once: the least of request, quota and affinity."""
    limits = [affinity or len(os.sched_getaffinity(0))]
    if millicores:
        limits.append(math.ceil(millicores / 1000))
    quota = _read_quota(quota_file)
    if quota is not None:
        limits.append(math.ceil(quota))
    return max(1, min(limits))


def keep_freed_memory() -> None:
    """Let the C library keep what was freed instead of asking the kernel for it again."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library, such as musl
        return
    if not mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES):
        mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
    mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
    mallopt(_M_TOP_PAD, _LARGEST_MMAP_THRESHOLD)


def prepare_torch(wanted: Precision, gpus: int, seed: int) -> Machine:
    """Choose device and arithmetic, and seed everything.

    Args:
        wanted: spec.training.precision.
        gpus: spec.resources.gpusPerNode.
        seed: spec.training.seed.

    Raises:
        GpuFaultError: a GPU was given to the pod, but its driver does not answer.
        ConfigError: the arithmetic needs a GPU that is not there.
    """
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    warnings: list[str] = []
    device: Literal["cpu", "cuda"] = "cpu"
    if gpus and torch.cuda.is_available():
        device = "cuda"
    elif gpus:
        warnings.append(_explain_missing_gpu(gpus))
    if device == "cpu":
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        use_faster_matmul()
    has_bfloat16 = torch.cuda.is_bf16_supported(False) if device == "cuda" else cpu_has_bfloat16()
    precision = choose_precision(wanted, device, has_bfloat16=has_bfloat16)
    if precision == "BFloat16" and not has_bfloat16:
        warnings.append("training.precision is BFloat16, which this hardware only emulates: slow")
    return Machine(device, precision, tuple(warnings))


def choose_precision(
    wanted: Precision, device: Literal["cpu", "cuda"], *, has_bfloat16: bool
) -> ResolvedPrecision:
    """Choose the arithmetic.

    Raises:
        ConfigError: Float16 without a GPU: its small numbers need a scaler that CPUs lack.
    """
    if wanted == "Float16" and device == "cpu":
        raise ConfigError(
            "training.precision is Float16, but there is no GPU", hint="use BFloat16 or Auto"
        )
    if wanted == "Auto":
        return "BFloat16" if has_bfloat16 else "Float32"
    return wanted


def cpu_has_bfloat16(info_file: Path = CPU_INFO_FILE) -> bool:
    """Tell whether the CPU multiplies bfloat16 itself."""
    try:
        lines = info_file.read_text().splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
    return not BFLOAT16_FLAGS.isdisjoint(flags.split())


def use_faster_matmul() -> bool:
    """Route float32 products through oneDNN where that keeps float32 accuracy.

    torch's own choice, MKL, runs at half speed on AMD. The setting lets a CPU round to bfloat16,
    which some do, so the result is measured instead of trusting a name.

    Returns:
        whether it is in use.
    """
    import torch

    generator = torch.Generator().manual_seed(0)
    left = torch.randn(256, 256, generator=generator)
    right = torch.randn(256, 256, generator=generator)
    exact = left.double() @ right.double()
    torch.set_float32_matmul_precision("medium")
    error = ((left @ right).double() - exact).abs().max() / exact.abs().max()
    if float(error) <= MATMUL_TOLERANCE:
        return True
    torch.set_float32_matmul_precision("highest")
    return False


def _explain_missing_gpu(gpus: int) -> str:
    """Raise where the container runtime has put a GPU in; elsewhere, as on a laptop, warn."""
    given = os.environ.get("NVIDIA_VISIBLE_DEVICES", "void")
    if given not in ("", "void", "none"):
        raise GpuFaultError(
            f"the pod was given the GPU {given}, but CUDA finds none",
            hint="look at the driver and the device plugin of the node",
        )
    return (
        f"resources.gpusPerNode is {gpus}, but no GPU is visible: training on the CPU; set it to 0"
        " to say so"
    )


def _read_quota(path: Path) -> float | None:
    try:
        quota, _, period = path.read_text().strip().partition(" ")
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None
