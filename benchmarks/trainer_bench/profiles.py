"""Where a step of our trainer goes: `python -m trainer_bench.profiles` with an order on stdin.

torch's profiler watches the steps after the first few. On a CPU its operators run one after the
other on the thread that calls them, so their own times add up; what is left of the wall clock is
Python, the Trainer of transformers, our callbacks and the collating. The profiler itself makes all
of it slower, small operators most: shares, not seconds.
"""

import json
import sys
import time
from collections import defaultdict
from typing import Any

from trainer_bench.orders import Order

WARMUP_STEPS = 3
LARGEST = 20
KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("products of matrices", ("mkldnn_linear", "addmm", "mm", "linear", "mkldnn_convolution")),
    ("attention", ("bmm", "baddbmm", "softmax", "scaled_dot_product", "flash_attention")),
    ("dropout", ("bernoulli", "random_", "dropout", "lt", "lt_", "mul", "mul_")),
    ("optimizer", ("fused_adamw", "_foreach", "adam")),
    ("gradients: clipping, clearing", ("linalg_vector_norm", "norm", "zero_", "clip", "stack")),
    ("layer norm and activations", ("layer_norm", "gelu", "tanh", "relu")),
    ("embeddings", ("embedding", "index", "gather")),
    ("copies and casts", ("copy_", "to", "clone", "contiguous", "fill_", "cat", "add_", "add")),
)
"""Asked in this order: a name belongs to the first kind that it holds a part of."""
OTHER, REST = "other operators", "Python, Trainer, callbacks, data"


def sort_time(events: Any, wall_seconds: float) -> dict[str, float]:
    """Give the share of each kind of work in the wall clock."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for event in events:
        seconds[find_kind(event.key)] += event.self_cpu_time_total / 1e6
    seconds[REST] = max(0.0, wall_seconds - sum(seconds.values()))
    ranked = sorted(seconds.items(), key=lambda item: -item[1])
    return {kind: round(spent / wall_seconds, 4) for kind, spent in ranked if spent}


def list_largest(events: Any, wall_seconds: float) -> dict[str, float]:
    """Give the share of the operators that take the most, by their own names."""
    ranked = sorted(events, key=lambda event: -event.self_cpu_time_total)[:LARGEST]
    return {e.key: round(e.self_cpu_time_total / 1e6 / wall_seconds, 4) for e in ranked}


def find_kind(operator: str) -> str:
    """Say what an operator of torch is for."""
    name = operator.rpartition("::")[2].lower()
    for kind, parts in KINDS:
        if any(part == name or (len(part) > 4 and part in name) for part in parts):
            return kind
    return OTHER


def main() -> None:
    """Train under the profiler, and print the shares."""
    from trainer_bench.contestants import ours

    order = Order.from_json(sys.stdin.read())
    environment = ours.prepare(order)
    from finetune_trainer import runtime
    from finetune_trainer.settings import Settings

    runtime.prepare_for_torch(Settings.from_environment(environment))
    from torch.profiler import ProfilerActivity, profile

    from finetune_trainer.__main__ import main as run_trainer
    from finetune_trainer.reporting.board import Board

    watched: Any = profile(activities=[ProfilerActivity.CPU])
    began, steps, report = [0.0, 0.0], [0], Board.mark_step

    def mark_step(self: Board, **changes: Any) -> None:
        report(self, **changes)
        if "train_seconds" not in changes:
            return
        steps[0] += 1
        if steps[0] == WARMUP_STEPS:
            watched.__enter__()
            began[0] = time.perf_counter()
        elif steps[0] == order.recipe.max_steps:
            began[1] = time.perf_counter()
            watched.__exit__(None, None, None)

    Board.mark_step = mark_step  # type: ignore[method-assign]
    if code := run_trainer(environment):
        raise SystemExit(code)
    events, wall_seconds = watched.key_averages(), began[1] - began[0]
    found = {
        "shares": sort_time(events, wall_seconds),
        "largest": list_largest(events, wall_seconds),
        "milliseconds_per_step": round(
            1e3 * wall_seconds / (order.recipe.max_steps - WARMUP_STEPS), 1
        ),
    }
    sys.stdout.write("\n" + json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
