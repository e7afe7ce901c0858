"""Plays a step of a training through without memory, and says how much it would take at its worst.

`memory_limits` asks. A formula would have to know every family of models; here the model itself
runs forward and back over tensors that have a shape, a type and no content, and a ledger notes what
is alive. So dropout, frozen layers, adapters, checkpointed layers, half precision, pictures and
sounds count for what they are. It takes a second for any size of model. Needs torch.
"""

import logging
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import transformers.pytorch_utils
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from finetune_trainer.models.stillness import Stillness
from finetune_trainer.training.memory_estimates import Peak

logger = logging.getLogger(__name__)
HALF = {"BFloat16": torch.bfloat16, "Float16": torch.float16}
LABELS = "labels"
Batch = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Play:
    """What is played.

    Attributes:
        precision: of the arithmetic.
        checkpoints: whether activations are computed twice instead of kept.
        is_extraction: whether the frozen body is one fixed function.
        batches: of a step, one after the other; their gradients are added up.
        has_fused_attention: whether scores are never kept, as on a GPU.
    """

    precision: str = "Float32"
    checkpoints: bool = False
    is_extraction: bool = False
    batches: int = 1
    has_fused_attention: bool = False


class Ledger(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up the storages that operations make, and takes off what is let go."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live_bytes = 0
        self.peak_bytes = 0
        self._known: dict[int, Any] = {}

    def leave_out(self, tensors: Sequence[torch.Tensor]) -> None:
        """Count none of these: they were there before."""
        for tensor in tensors:
            self._note(tensor.untyped_storage(), 0)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do one operation, and count what it made."""
        if func is torch.ops.aten._local_scalar_dense.default:
            # A model that looks at a number, mostly for infinities, sees none.
            return False if args[0].dtype == torch.bool else 0
        made = func(*args, **(kwargs or {}))
        for value in tree_leaves(made):
            if isinstance(value, torch.Tensor):
                storage = value.untyped_storage()
                self._note(storage, storage.nbytes())
        return made

    def _note(self, storage: Any, size: int) -> None:
        key = id(storage)
        if key in self._known:
            return

        def let_go(_: Any) -> None:
            self.live_bytes -= size
            del self._known[key]

        self._known[key] = weakref.ref(storage, let_go)
        self.live_bytes += size
        self.peak_bytes = max(self.peak_bytes, self.live_bytes)


class FusedAttention(TorchFunctionMode):
    """Lets the attention of a CPU keep no scores, as that of a GPU does in spite of dropout."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Leave the dropout of the scores out."""
        options = dict(kwargs or {})
        if func is torch.nn.functional.scaled_dot_product_attention:
            options["dropout_p"] = 0.0
        return func(*args, **options)


def play(model: Any, batch: Batch, asked: Batch, how: Play) -> Peak | None:
    """Play a step and an evaluation through; None where the model looks too closely at its numbers.

    Args:
        model: a sketch, which is used up.
        batch: the largest that is learned from, as the model takes it.
        asked: the largest that it is evaluated on.
        how: what is played.
    """
    with FakeTensorMode(allow_non_fake_inputs=True), _keeping_nothing():
        _give_shape(model)
        if how.checkpoints:
            model.activation_checkpointing_enable()
        for keep in (lambda name: True, lambda name: name != LABELS):
            learned = _empty(batch, keep)
            # What a model of two halves is to write is made of the labels.
            judged = _empty(asked, keep if _has_two_halves(model) else lambda n: n != LABELS)
            try:
                training = _play_step(model, learned, how)
                evaluation = _play_evaluation(model, judged, how)
            except Exception as error:  # whatever a model of anybody may do with its numbers
                logger.debug("a step cannot be played through: %r", error)
                continue
            return Peak(training, evaluation)
    return None


@contextmanager
def _keeping_nothing() -> Iterator[None]:
    """Let no model keep what it computes for the next one of its kind: that is a real one.

    Detectors keep the places of their pixels in a cache that all of a class share, but not while
    they are compiled, when tensors are as empty as here.
    """
    library: Any = transformers.pytorch_utils
    before, library.is_torchdynamo_compiling = library.is_torchdynamo_compiling, lambda: True
    try:
        yield
    finally:
        library.is_torchdynamo_compiling = before


def _give_shape(model: Any) -> None:
    """Put the sketch where the fake memory is; what shares its weights goes on doing so."""
    shared: dict[int, torch.nn.Parameter] = {}
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) not in shared:
                shape, kind = parameter.shape, parameter.dtype
                shared[id(parameter)] = torch.nn.Parameter(
                    torch.empty(shape, dtype=kind), requires_grad=parameter.requires_grad
                )
            setattr(module, name, shared[id(parameter)])
        for name, buffer in module.named_buffers(recurse=False):
            module._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype)


def _empty(batch: Batch, keep: Any) -> dict[str, Any]:
    """Give a batch of the same shape; what is no tensor, such as boxes, is left out."""
    return {
        name: torch.empty(value.shape, dtype=value.dtype)
        for name, value in batch.items()
        if isinstance(value, torch.Tensor) and keep(name)
    }


def _has_two_halves(model: Any) -> bool:
    return bool(getattr(model.config, "is_encoder_decoder", False))


def _play_step(model: Any, batch: Batch, how: Play) -> int:
    model.train()
    Stillness(model, is_extraction=how.is_extraction).hold()
    with _counting(model, how) as ledger:
        for _ in range(min(how.batches, 2)):  # from the second on nothing changes
            with _rounding(how):
                loss = _find_loss(model(**batch))
            loss.backward()  # type: ignore[no-untyped-call]
            del loss
    return ledger.peak_bytes


def _play_evaluation(model: Any, batch: Batch, how: Play) -> int:
    model.eval()
    with _counting(model, how) as ledger, torch.no_grad(), _rounding(how):
        model(**batch)
    return ledger.peak_bytes


def _rounding(how: Play) -> Any:
    return torch.autocast("cpu", HALF.get(how.precision), enabled=how.precision in HALF)


@contextmanager
def _counting(model: Any, how: Play) -> Iterator[Ledger]:
    for parameter in model.parameters():
        parameter.grad = None
    ledger = Ledger()
    ledger.leave_out([*model.parameters(), *model.buffers()])
    with ExitStack() as stack:
        stack.enter_context(ledger)
        if how.has_fused_attention:
            stack.enter_context(FusedAttention())
        yield ledger


def _find_loss(output: Any) -> torch.Tensor:
    """Give the loss; without targets, a number that depends on all that the model says."""
    if output.get("loss") is not None:
        loss: torch.Tensor = output["loss"]
        return loss
    said = [value for value in tree_leaves(dict(output)) if isinstance(value, torch.Tensor)]
    return torch.stack([value.float().sum() for value in said if value.requires_grad]).sum()
