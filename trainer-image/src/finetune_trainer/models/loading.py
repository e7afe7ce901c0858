"""Builds the model to train: pre-trained body, new output layer, frozen parts. Needs torch.

`training.preparations` asks for a sketch first: the same steps on torch's meta device, which has
shapes and no memory, so whatever a model cannot do is refused before its weights are read.
`training.assembly` then loads it. The weights are always loaded as float32: a checkpoint saved as
bfloat16 would otherwise be trained in bfloat16, which loses most small updates. Remote code is
never run.
"""

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import transformers

from finetune_api.v1alpha1.job import FineTuneJobSpec
from finetune_api.v1alpha1.method import ADAPTER_METHODS
from finetune_trainer.errors import ConfigError
from finetune_trainer.models import adapters, outputs, prompts
from finetune_trainer.models.dropout import set_dropout
from finetune_trainer.models.freezing import choose_body, choose_frozen
from finetune_trainer.models.heads import find_head, number_timm_layers
from finetune_trainer.models.labels import list_labels
from finetune_trainer.models.layers import Layout, read_layout
from finetune_trainer.models.sources import Pretrained
from finetune_trainer.tasks.base import Task

logger = logging.getLogger(__name__)

_ADDED_BY_HEADS = ("pooler",)
"""Parts of a body that many checkpoints leave out because only some output layers use them."""


@dataclass(frozen=True, slots=True)
class Start:
    """How a model begins.

    Attributes:
        is_sketch: whether it has shapes and no weights.
        local_rank: of this process in its pod: the GPU that a model in four bits is loaded onto.
        prior: what a new output layer of one number says at first; None leaves it to chance.
    """

    is_sketch: bool = False
    local_rank: int = 0
    prior: float | None = None


SKETCH = Start(is_sketch=True)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model that is ready to train.

    Attributes:
        model: the model, on the CPU unless it is quantized; with an adapter around it where the
            method says so.
        layout: where its parameters are.
        has_new_head: whether the output layer knows nothing yet.
        has_adapter: whether an adapter is what is trained and kept.
    """

    model: Any
    layout: Layout
    has_new_head: bool
    has_adapter: bool = False

    def count_parameters(self) -> tuple[int, int]:
        """Count all parameters, and those that move."""
        parameters = list(self.model.parameters())
        trainable = sum(p.numel() for p in parameters if p.requires_grad)
        return sum(p.numel() for p in parameters), trainable

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Let the model answer as it did before it was given an adapter."""
        with adapters.without_adapter(self.model) if self.has_adapter else nullcontext():
            yield


def load_model(
    pretrained: Pretrained,
    spec: FineTuneJobSpec,
    task: Task,
    labels: tuple[str, ...],
    processor: Any = None,
    start: Start = Start(),  # frozen
) -> Loaded:
    """Load the body, give it an output layer that fits the labels, and freeze what shall stay.

    Args:
        pretrained: the model's files.
        spec: the resolved spec.
        task: what is learned.
        labels: in the order of the outputs.
        processor: what encodes the rows; None where the model follows nothing of it.
        start: how the model begins.

    Raises:
        ConfigError: the model cannot do the task, or the spec asks for what it does not have.
    """
    adapters.check_quantization(spec)
    options = task.configure(labels, spec.dataset)
    if processor is not None:
        options |= task.follow_processor(processor)
    config = _load_config(pretrained, options)
    prompts.check_room(spec.method, config)
    auto_model = getattr(transformers, task.auto_model)
    set_dropout(spec, config, auto_model)
    model, report = _load_weights(pretrained, config, spec, task, start)
    names = [name for name, _ in model.named_parameters()]
    head = find_head(model)
    new = (_names_of(report, "missing_keys") | _names_of(report, "mismatched_keys")) & set(names)
    _check_body(pretrained, set(names) - head, new)
    # A part of the body that the checkpoint lacks, such as a pooler, is learned like the head.
    layout = read_layout(names, head | new, number_timm_layers(model))
    known = list_labels(pretrained.config)
    has_new_head = bool(head & new) or (bool(labels) and set(known) != set(labels))
    if not has_new_head and labels and known != labels:
        outputs.reorder(model, auto_model, [known.index(label) for label in labels])
    if has_new_head and start.prior is not None:
        outputs.begin_with(model, head, start.prior)
    if spec.method.type in ADAPTER_METHODS:
        is_fixed = model.get_output_embeddings() is not None and not has_new_head
        learned = new if is_fixed else layout.head
        model = adapters.attach_adapter(model, spec, learned, pretrained)
        return Loaded(model, adapters.rename_layout(model, layout), has_new_head, has_adapter=True)
    frozen = (
        choose_body(names, layout)
        if spec.method.type == "FeatureExtraction"
        else choose_frozen(spec.method.freeze, names, layout)
    )
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in frozen)
    return Loaded(model, layout, has_new_head)


def _load_weights(
    pretrained: Pretrained, config: Any, spec: FineTuneJobSpec, task: Task, start: Start
) -> tuple[Any, dict[str, Any]]:
    # On the meta device the headers of the files are read, and not the weights.
    place = (
        {"device_map": "meta"}
        if start.is_sketch
        else adapters.describe_quantization(spec, start.local_rank)
    )
    try:
        model, report = getattr(transformers, task.auto_model).from_pretrained(
            pretrained.folder,
            config=config,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            **place,
        )
    except RuntimeError as error:
        if not (start.is_sketch and "mmap" in str(error)):
            raise
        # Files larger than the memory cannot even be opened. How much is missing says the estimate.
        with torch.device("meta"):
            return getattr(transformers, task.auto_model).from_config(config), {}
    except ValueError as error:
        raise ConfigError(
            f"model.source {pretrained.source} is a {config.model_type} model, which cannot do"
            f" {task.name}",
            hint="choose a model with an encoder or decoder that transformers can give this task",
        ) from error
    return model, report


def _load_config(pretrained: Pretrained, options: dict[str, Any]) -> Any:
    try:
        return transformers.AutoConfig.from_pretrained(
            pretrained.folder, trust_remote_code=False, local_files_only=True, **options
        )
    except (ValueError, KeyError) as error:
        raise ConfigError(
            f"model.source {pretrained.source} has the type"
            f" {pretrained.config['model_type']!r}, which transformers"
            f" {transformers.__version__} does not know; models that bring code of their own are"
            " not run"
        ) from error


def _check_body(pretrained: Pretrained, body: set[str], new: Collection[str]) -> None:
    """Refuse weights that do not belong to the configuration: the gaps would be random."""
    missing = sorted(n for n in body if n in new and not any(p in n for p in _ADDED_BY_HEADS))
    if missing:
        raise ConfigError(
            f"model.source {pretrained.source}: the weights do not fit config.json;"
            f" {len(missing)} of {len(body)} parameters are missing or of another size, such as"
            f" {missing[0]}",
            hint="check that config.json and model.safetensors belong together",
        )


def _names_of(report: dict[str, Any], kind: str) -> set[str]:
    return {entry if isinstance(entry, str) else entry[0] for entry in report.get(kind, ())}
