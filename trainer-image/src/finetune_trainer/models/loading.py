"""Builds the model to train: pre-trained body, new output layer, frozen parts. Needs torch.

`training.attempts` calls it. The weights are always loaded as float32: a checkpoint saved as
bfloat16 would otherwise be trained in bfloat16, which loses most small updates. Remote code is
never run.
"""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import torch
import transformers

from finetune_api.v1alpha1.job import FineTuneJobSpec
from finetune_trainer.errors import ConfigError
from finetune_trainer.models.dropout import choose_dropout
from finetune_trainer.models.freezing import choose_frozen
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
        model: the model, on the CPU.
        layout: where its parameters are.
        has_new_head: whether the output layer knows nothing yet.
    """

    model: Any
    layout: Layout
    has_new_head: bool

    def count_parameters(self) -> tuple[int, int]:
        """Count all parameters, and those that move."""
        parameters = list(self.model.parameters())
        trainable = sum(p.numel() for p in parameters if p.requires_grad)
        return sum(p.numel() for p in parameters), trainable


def load_model(
    pretrained: Pretrained, spec: FineTuneJobSpec, task: Task, labels: tuple[str, ...]
) -> Loaded:
    """Load the body, give it an output layer that fits the labels, and freeze what shall stay.

    Raises:
        ConfigError: the model cannot do the task, or the spec asks for what it does not have.
    """
    config = _load_config(pretrained, task.configure(labels, spec.dataset))
    for name, value in choose_dropout(spec.model.dropout, config).items():
        setattr(config, name, value)
    auto_model = getattr(transformers, task.auto_model)
    try:
        model, report = auto_model.from_pretrained(
            pretrained.folder,
            config=config,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
        )
    except ValueError as error:
        raise ConfigError(
            f"model.source {pretrained.source} is a {config.model_type} model, which cannot do"
            f" {task.name}",
            hint="choose a model with an encoder or decoder that transformers can give this task",
        ) from error
    names = [name for name, _ in model.named_parameters()]
    layout = read_layout(names, model.base_model_prefix)
    new = _names_of(report, "missing_keys") | _names_of(report, "mismatched_keys")
    _check_body(pretrained, set(names) - layout.head, new)
    frozen = choose_frozen(spec.method.freeze, names, layout)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in frozen)
    knows_labels = not labels or _labels_of(pretrained.config) == labels
    return Loaded(model, layout, bool(layout.head & new) or not knows_labels)


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
    named = config.get("id2label") or {}
    return tuple(named[number] for number in sorted(named, key=int))
