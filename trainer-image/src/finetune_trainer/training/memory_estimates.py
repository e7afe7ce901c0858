"""How much memory a job will take, before it takes it. Pure.

`memory_limits` fills in what the sketch of the model and a step that was played through have shown,
before the weights are read. A job that cannot fit is refused with the numbers and the remedy
instead of being killed by the kernel in mid-training. docs/benchmarks.md says how far off the
estimate is.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

from finetune_api.v1alpha1 import FineTuneJobSpec
from finetune_api.v1alpha1.method import ADAPTER_METHODS
from finetune_api.v1alpha1.training import OptimizerName
from finetune_trainer.distribution.ranks import SINGLE, Seat

FLOAT32_BYTES = 4
FOUR_BITS_BYTES = 0.56
"""A weight in four bits, with its share of the scales."""
OPTIMIZER_STATES: dict[OptimizerName, float] = {"AdamW": 2.0, "SGD": 1.0, "Adafactor": 0.05}
"""Numbers that an optimizer keeps for each weight that moves."""
PROCESS_BYTES = 1050 * 2**20
"""Python with torch and transformers, the rows, and what loading and saving leave behind."""
HOLES = 0.08
"""What an allocator cannot use between blocks of many sizes, in shares of the activations."""
CUDA_CONTEXT_BYTES = 600 * 2**20
GATHERED_LAYERS = 2
"""FSDP: the layer that computes, and the next one, are whole in every process."""
GIGABYTE = 2**30


@dataclass(frozen=True, slots=True)
class ModelSize:
    """What a model takes whatever the batch.

    Attributes:
        parameters: all weights.
        trainable: those that move.
        quantized: those that are kept in four bits.
        largest_layer: weights of the largest layer.
    """

    parameters: int
    trainable: int
    quantized: int = 0
    largest_layer: int = 0


@dataclass(frozen=True, slots=True)
class Peak:
    """The most bytes that are alive at one time, besides weights and optimizer.

    Attributes:
        training: of a step, gradients included.
        evaluation: of a batch that is only asked about.
    """

    training: int = 0
    evaluation: int = 0


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes of one process by what they are for, and how many processes share the place.

    Attributes:
        weights: of the model, and of an adapter.
        gradients: of what moves.
        optimizer: its states.
        activations: what a batch keeps for the way back, at most.
        reload: the best weights, when they are read back beside those of the last step.
        process: what the program takes whatever it trains.
        processes: that share the memory.
    """

    weights: int
    gradients: int = 0
    optimizer: int = 0
    activations: int = 0
    reload: int = 0
    process: int = 0
    processes: int = 1

    @property
    def total(self) -> int:
        """All of it, of all processes."""
        return self.processes * sum(int(getattr(self, name)) for name in _list_parts())

    def describe(self) -> str:
        """Say how large each part is: `1.9 GiB (weights 0.4, gradients 0.4, …)`."""
        parts = ", ".join(f"{n} {getattr(self, n) / GIGABYTE:.2f}" for n in _list_parts())
        times = f"{self.processes} processes of " if self.processes > 1 else ""
        return f"{self.total / GIGABYTE:.2f} GiB ({times}{parts})"


def _list_parts() -> list[str]:
    return [field.name for field in fields(MemoryEstimate) if field.name != "processes"]


def estimate_training(
    spec: FineTuneJobSpec, size: ModelSize, peak: Peak, *, on_gpu: bool, seat: Seat = SINGLE
) -> MemoryEstimate:
    """Estimate the peak of the training where the model is trained.

    Args:
        spec: the resolved spec.
        size: of the model.
        peak: what a step and an evaluation keep.
        on_gpu: whether that is a GPU, which no other process shares.
        seat: the place of this process among all.
    """
    is_spread = spec.distribution.strategy == "FSDP" and seat.count > 1
    shares = seat.count if is_spread else 1
    weights = FOUR_BITS_BYTES * size.quantized
    weights += FLOAT32_BYTES * (size.parameters - size.quantized)
    moved = FLOAT32_BYTES * size.trainable
    kept = size.trainable if spec.method.type in ADAPTER_METHODS else size.parameters
    gathered = GATHERED_LAYERS * FLOAT32_BYTES * size.largest_layer if is_spread else 0
    # DDP copies gradients into buckets, from which they are averaged.
    buckets = moved if seat.count > 1 and not is_spread else 0
    return MemoryEstimate(
        weights=int(weights / shares) + gathered,
        gradients=(moved + buckets) // shares,
        optimizer=int(moved * OPTIMIZER_STATES[spec.training.optimizer] / shares),
        activations=_estimate_activations(spec, peak, moved, on_gpu=on_gpu),
        reload=0 if on_gpu else FLOAT32_BYTES * kept,
        process=CUDA_CONTEXT_BYTES if on_gpu else PROCESS_BYTES,
        processes=1 if on_gpu else seat.local_count,
    )


def _estimate_activations(spec: FineTuneJobSpec, peak: Peak, moved: int, *, on_gpu: bool) -> int:
    """Say what batches take: of a step, and of an evaluation.

    On a CPU what a step has freed is kept for the next one, and the larger blocks of an evaluation
    do not fit into it; on a GPU it is given back when there is need. A layer that is computed twice
    is put beside the blocks of its first time.
    """
    step = max(0, peak.training - moved)
    if on_gpu:
        return int(max(step, peak.evaluation) * (1 + HOLES))
    times = 2 if spec.training.gradient_checkpointing else 1
    return int((times * step + peak.evaluation) * (1 + HOLES))


def estimate_loading(size: ModelSize, seat: Seat = SINGLE) -> MemoryEstimate:
    """Estimate the memory of the pod while each process reads the weights, before they move on."""
    weights = FLOAT32_BYTES * (size.parameters - size.quantized)
    return MemoryEstimate(weights=weights, process=PROCESS_BYTES, processes=seat.local_count)


Remedy = Callable[[FineTuneJobSpec, MemoryEstimate], str | None]
_WITHOUT_CHECKPOINTS = ("FeatureExtraction", "PrefixTuning")


def _has_large_activations(estimate: MemoryEstimate) -> bool:
    return estimate.activations * estimate.processes * 4 >= estimate.total


def _lower_the_batch(spec: FineTuneJobSpec, estimate: MemoryEstimate) -> str | None:
    if spec.training.batch_size == 1 or not _has_large_activations(estimate):
        return None
    return "lower training.batchSize and raise gradientAccumulationSteps by as much"


def _checkpoint_gradients(spec: FineTuneJobSpec, estimate: MemoryEstimate) -> str | None:
    if spec.training.gradient_checkpointing or not _has_large_activations(estimate):
        return None
    if spec.method.type in _WITHOUT_CHECKPOINTS:
        return None
    return "set training.gradientCheckpointing"


def _train_an_adapter(spec: FineTuneJobSpec, estimate: MemoryEstimate) -> str | None:
    if spec.method.type != "Full" or not estimate.gradients:
        return None
    return "set method.type to LoRA"


def _use_four_bits(spec: FineTuneJobSpec, estimate: MemoryEstimate) -> str | None:
    if not spec.resources.gpus_per_node or spec.method.type not in ("Full", *ADAPTER_METHODS):
        return None
    if spec.method.type == "QLoRA" or estimate.weights * 4 < estimate.total:
        return None
    return "set method.type to QLoRA"


def _spread_the_model(spec: FineTuneJobSpec, estimate: MemoryEstimate) -> str | None:
    model = estimate.weights + estimate.gradients + estimate.optimizer
    if spec.method.type not in ("Full", "LoRA") or spec.distribution.strategy == "FSDP":
        return None
    if model * 2 < estimate.total:
        return None
    more = "" if spec.resources.nodes > 1 else " and raise resources.nodes"
    return f"set distribution.strategy to FSDP{more}"


def _ask_for_more(spec: FineTuneJobSpec, estimate: MemoryEstimate) -> str:
    gibibytes = -(-int(estimate.total * 1.2) // GIGABYTE)
    if spec.resources.gpus_per_node:
        return f"ask for GPUs, or memory in resources, of {gibibytes} GiB"
    return f"ask for memory: {gibibytes}Gi in resources"


REMEDIES: tuple[Remedy, ...] = (
    _lower_the_batch,
    _checkpoint_gradients,
    _train_an_adapter,
    _use_four_bits,
    _spread_the_model,
    _ask_for_more,
)


def list_remedies(spec: FineTuneJobSpec, estimate: MemoryEstimate) -> str:
    """Say what would make the job fit."""
    found = [text for remedy in REMEDIES if (text := remedy(spec, estimate)) is not None]
    return "; or ".join(found)
