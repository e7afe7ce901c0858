"""Builds the model to train: pre-trained body, new output layer, frozen parts. Needs torch.

`training.attempts` calls it. The weights are always loaded as float32: a checkpoint saved as
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
from finetune_trainer.models import adapters, prompts
from finetune_trainer.models.dropout import set_dropout
from finetune_trainer.models.freezing import choose_body, choose_frozen
from finetune_trainer.models.heads import find_head, number_timm_layers
from finetune_trainer.models.layers import Layout, read_layout
from finetune_trainer.models.sources import Pretrained
from finetune_trainer.tasks.base import Task

logger = logging.getLogger(__name__)

_ADDED_BY_HEADS = ("pooler",)
"""Parts of a body that many checkpoints leave out because only some output layers use them."""


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
) -> Loaded:
    """Load the body, give it an output layer that fits the labels, and freeze what shall stay.

    Raises:
        ConfigError: the model cannot do the task, or the spec asks for what it does not have.
    """
    adapters.check_quantization(spec)
    options = task.configure(labels, spec.dataset)
    if processor is not None:
        options |= task.follow_processor(processor)
    config = _load_config(pretrained, options)
    prompts.check_room(spec.method, config)
    set_dropout(spec, config, getattr(transformers, task.auto_model))
    model, report = _load_weights(pretrained, config, spec, task)
    names = [name for name, _ in model.named_parameters()]
    head = find_head(model)
    new = (_names_of(report, "missing_keys") | _names_of(report, "mismatched_keys")) & set(names)
    _check_body(pretrained, set(names) - head, new)
    # A part of the body that the checkpoint lacks, such as a pooler, is learned like the head.
    layout = read_layout(names, head | new, number_timm_layers(model))
    knows_labels = not labels or _labels_of(pretrained.config) == labels
    has_new_head = bool(head & new) or not knows_labels
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
    pretrained: Pretrained, config: Any, spec: FineTuneJobSpec, task: Task
) -> tuple[Any, dict[str, Any]]:
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
            **adapters.describe_quantization(spec),
        )
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


def _labels_of(config: dict[str, Any]) -> tuple[str, ...]:
    if "label_names" in config:  # timm writes them in order
        return tuple(config["label_names"])
    named = config.get("id2label") or {}
    return tuple(named[number] for number in sorted(named, key=int))
