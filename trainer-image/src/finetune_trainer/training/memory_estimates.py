"""How much memory a job will take, before it takes it. Pure.

`assembly` asks twice: once the files of the model are known, for what no batch size can change, and
once the rows are encoded, when the longest batch is known. A job that cannot fit is refused with
the numbers and the remedy instead of being killed by the kernel in mid-training.

The parts are those of every textbook: weights, gradients and optimizer follow from the parameters,
activations from the tokens of a batch and the width and depth of the model. The constants were
fitted to peak resident memory; docs/benchmarks.md says how far off the estimate is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from finetune_api.v1alpha1 import FineTuneJobSpec
from finetune_api.v1alpha1.method import ADAPTER_METHODS
from finetune_api.v1alpha1.training import OptimizerName

FLOAT32_BYTES = 4
MIXED_BYTES = 3.6
"""A kept activation under autocast: some are kept in both widths."""
FOUR_BITS_BYTES = 0.56
"""A weight in four bits, with its share of the scales."""
OPTIMIZER_STATES: dict[OptimizerName, float] = {"AdamW": 2.0, "SGD": 1.0, "Adafactor": 0.05}
"""Numbers that an optimizer keeps for each weight that moves."""
NUMBERS_PER_WIDTH = 14.0
NUMBERS_PER_INNER_WIDTH = 3.25
"""Activations that one layer keeps for the backward pass, per token: for each number of the hidden
state (input, projections, normalisations), and for each between the two linear layers.
"""
SCORES_PER_PAIR = 2.9
"""Attention scores, their softmax and the mask of its dropout, for each head and pair of tokens."""
NUMBERS_PER_LOGIT = 3.0
PROCESS_BYTES = 1000 * 2**20
"""Python with torch and transformers, and what loading and saving leave in the allocator."""
LAYERS_AT_ONCE = 2
"""With gradient checkpointing: the layer that is computed again, and its gradients."""
CUDA_CONTEXT_BYTES = 600 * 2**20
GIGABYTE = 2**30
_LANGUAGE_TASKS = ("CausalLM", "InstructionTuning", "MaskedLM", "Seq2Seq")


@dataclass(frozen=True, slots=True)
class ModelSize:
    """What the memory depends on.

    Attributes:
        parameters: all weights.
        trainable: weights that move.
        width: of the hidden states.
        inner_width: between the two linear layers of a layer; 0 stands for four times the width.
        layers: how many there are.
        heads: of the attention.
        vocabulary: outputs for each token, for language models; 0 for others.
    """

    parameters: int
    trainable: int
    width: int = 0
    inner_width: int = 0
    layers: int = 0
    heads: int = 0
    vocabulary: int = 0


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes by what they are for."""

    weights: int
    gradients: int
    optimizer: int
    activations: int
    process: int

    @property
    def total(self) -> int:
        """All of it."""
        return sum(getattr(self, field.name) for field in fields(self))

    def describe(self) -> str:
        """Say how large each part is: `1.9 GiB: weights 0.4, gradients 0.4, …`."""
        parts = [f"{f.name} {getattr(self, f.name) / GIGABYTE:.2f}" for f in fields(self)]
        return f"{self.total / GIGABYTE:.2f} GiB ({', '.join(parts)})"


def read_size(config: Mapping[str, Any], parameters: int, trainable: int) -> ModelSize:
    """Read the shape of a model from config.json, whatever its family calls it."""
    inner = next((v for k, v in config.items() if k == "text_config" and v), config)

    def first(*names: str) -> int:
        found = (inner.get(name) for name in names)
        return next((int(value) for value in found if isinstance(value, int)), 0)

    encoder = first("num_hidden_layers", "num_layers", "n_layer", "encoder_layers", "n_layers")
    decoder = first("num_decoder_layers", "decoder_layers")
    return ModelSize(
        parameters=parameters,
        trainable=trainable,
        width=first("hidden_size", "d_model", "n_embd", "dim"),
        inner_width=first("intermediate_size", "d_ff", "n_inner", "encoder_ffn_dim", "hidden_dim"),
        layers=encoder + decoder,
        heads=first("num_attention_heads", "num_heads", "n_head", "n_heads"),
        vocabulary=first("vocab_size"),
    )


def estimate_memory(
    spec: FineTuneJobSpec, size: ModelSize, rows: int, tokens: int, *, on_gpu: bool
) -> MemoryEstimate:
    """Estimate the peak of a training step.

    Args:
        spec: the resolved spec.
        size: of the model.
        rows: of a batch; 0 leaves the activations out.
        tokens: of the longest row.
        on_gpu: whether the memory of a GPU is meant.
    """
    bytes_per_weight = FOUR_BITS_BYTES if spec.method.type == "QLoRA" else FLOAT32_BYTES
    states = OPTIMIZER_STATES[spec.training.optimizer]
    return MemoryEstimate(
        weights=int(size.parameters * bytes_per_weight),
        gradients=size.trainable * FLOAT32_BYTES,
        optimizer=int(size.trainable * states * FLOAT32_BYTES),
        activations=estimate_activations(spec, size, rows, tokens),
        process=CUDA_CONTEXT_BYTES if on_gpu else PROCESS_BYTES,
    )


def estimate_activations(spec: FineTuneJobSpec, size: ModelSize, rows: int, tokens: int) -> int:
    """Estimate what a batch leaves for the backward pass, in bytes."""
    per_number = FLOAT32_BYTES if spec.training.precision == "Float32" else MIXED_BYTES
    per_token = (
        NUMBERS_PER_WIDTH * size.width
        + NUMBERS_PER_INNER_WIDTH * (size.inner_width or 4 * size.width)
        + SCORES_PER_PAIR * size.heads * tokens
    )
    one_layer = rows * tokens * per_token
    freeze = spec.method.freeze
    # Below the lowest layer that learns nothing is kept.
    kept_layers = size.layers - (freeze.lowest_layers if freeze.embeddings else 0)
    kept = max(1, kept_layers) * one_layer
    if spec.training.gradient_checkpointing:
        kept = LAYERS_AT_ONCE * one_layer + size.layers * rows * tokens * size.width
    logits = 0.0
    if spec.task in _LANGUAGE_TASKS:
        logits = NUMBERS_PER_LOGIT * rows * tokens * size.vocabulary * FLOAT32_BYTES
    return int(kept * per_number + logits)


def guess_trainable(spec: FineTuneJobSpec, parameters: int) -> int:
    """Say how many weights will move, before the model is there; never too many."""
    if spec.method.type in ADAPTER_METHODS or spec.method.type == "FeatureExtraction":
        return 0
    freezes = spec.method.freeze.embeddings or spec.method.freeze.modules
    return 0 if freezes or spec.method.freeze.lowest_layers else parameters


Remedy = Callable[[FineTuneJobSpec, MemoryEstimate], str | None]


def _lower_the_batch(spec: FineTuneJobSpec, estimate: MemoryEstimate) -> str | None:
    if spec.training.batch_size == 1 or estimate.activations * 4 < estimate.total:
        return None
    return "lower training.batchSize and raise gradientAccumulationSteps by as much"


def _checkpoint_gradients(spec: FineTuneJobSpec, estimate: MemoryEstimate) -> str | None:
    if spec.training.gradient_checkpointing or estimate.activations * 4 < estimate.total:
        return None
    return "set training.gradientCheckpointing"


def _train_an_adapter(spec: FineTuneJobSpec, estimate: MemoryEstimate) -> str | None:
    if spec.method.type in ADAPTER_METHODS:
        return None
    return "set method.type to LoRA"


def _ask_for_more(spec: FineTuneJobSpec, estimate: MemoryEstimate) -> str:
    gibibytes = -(-int(estimate.total * 1.2) // GIGABYTE)
    return f"ask for memory: {gibibytes}Gi in resources, or a larger GPU"


REMEDIES: tuple[Remedy, ...] = (
    _lower_the_batch,
    _checkpoint_gradients,
    _train_an_adapter,
    _ask_for_more,
)


def list_remedies(spec: FineTuneJobSpec, estimate: MemoryEstimate) -> str:
    """Say what would make the job fit."""
    found = [text for remedy in REMEDIES if (text := remedy(spec, estimate)) is not None]
    return "; or ".join(found)
