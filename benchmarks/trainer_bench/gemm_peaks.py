"""What the machine can multiply at most, in GFLOP/s: `python -m trainer_bench.gemm_peaks`.

Square matrices, large enough for the peak and small enough for the caches of a server.
"""

import json
import sys
import time

import torch

from finetune_trainer import runtime

SIDE = 1536
SECONDS = 1.5


def measure(dtype: torch.dtype) -> float:
    """Give the best of many products."""
    left, right = torch.randn(SIDE, SIDE).to(dtype), torch.randn(SIDE, SIDE).to(dtype)
    best, until = float("inf"), time.monotonic() + SECONDS
    while time.monotonic() < until:
        begun = time.perf_counter()
        torch.nn.functional.linear(left, right)
        best = min(best, time.perf_counter() - begun)
    return 2 * SIDE**3 / best / 1e9


def main() -> None:
    """Measure as torch comes, and as the trainer sets it up."""
    peaks = {"float32 as torch ships it": measure(torch.float32)}
    is_faster = runtime.use_faster_matmul()
    if is_faster:
        peaks["float32 through oneDNN"] = measure(torch.float32)
    peaks["bfloat16"] = measure(torch.bfloat16)
    threads = torch.get_num_threads()
    found = {"gflops": {name: round(peak) for name, peak in peaks.items()}, "threads": threads}
    sys.stdout.write(json.dumps({**found, "has_bfloat16": runtime.cpu_has_bfloat16()}) + "\n")


if __name__ == "__main__":
    main()
