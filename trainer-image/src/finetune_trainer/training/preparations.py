"""All that can be known of an attempt before the weights of its model are read. Needs torch.

`run` asks for it once for the whole job, `cross_validation` once for each fold, and `assembly` goes
on from there. The model is drawn on torch's meta device, by the same steps as it will be built; the
rows are encoded; a step of the training is played through without memory. What does not work, or
does not fit, is refused here, before gigabytes are read and a GPU is held for nothing.
"""

import logging
from dataclasses import dataclass, replace
from typing import Any

import transformers

from finetune_api.v1alpha1.status import Parameters
from finetune_trainer import runtime
from finetune_trainer.data.tables import Part
from finetune_trainer.models.loading import SKETCH, Loaded, load_model
from finetune_trainer.models.parameter_groups import check_rates
from finetune_trainer.models.processors import load_processor
from finetune_trainer.models.prompts import count_virtual_tokens
from finetune_trainer.models.unfreezing import plan_unfreezing
from finetune_trainer.tasks.base import Encoded, EncodeSettings, Rows
from finetune_trainer.training.compilation import check_compiler
from finetune_trainer.training.contexts import Context
from finetune_trainer.training.encoding import (
    EncodingFacts,
    choose_max_length,
    find_encoding_warnings,
)
from finetune_trainer.training.learned_rows import LEARNED_PARTS, renew_each_epoch
from finetune_trainer.training.memory_limits import check_memory
from finetune_trainer.training.plans import plan_steps

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """An attempt that lacks nothing but the weights.

    Attributes:
        context: with the plan that follows from the encoded rows.
        processor: what encodes rows.
        sketch: the model without its weights.
        settings: how rows were encoded.
        rows: the rows of each part, encoded.
    """

    context: Context
    processor: Any
    sketch: Loaded
    settings: EncodeSettings
    rows: dict[str, Rows]

    def follow(self, context: Context) -> "Ready":
        """Turn to another plan for the same rows."""
        return replace(self, context=_plan_features(context, self.rows["train"]))


def prepare(context: Context) -> Ready:
    """Draw the model, encode the rows, and make sure that all of it works and fits.

    Raises:
        TrainerError: it does not.
    """
    spec, task, data = context.job.spec, context.task, context.data
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    machine = runtime.prepare_torch(
        spec.training.precision, spec.resources.gpus_per_node, spec.training.seed
    )
    check_compiler(spec.training, machine.device)
    processor = load_processor(task.processor, context.pretrained, data.parts["train"])
    sketch = load_model(context.pretrained, spec, task, data.labels, processor, SKETCH)
    if task.processor == "Tokenizer":
        sketch.model.config.pad_token_id = processor.pad_token_id
    _check_recipe(context, sketch)
    context.preemption.check()
    settings = _choose_settings(context, processor, sketch)
    rows = _encode(context, processor, settings)
    _inspect(context, processor, settings, rows)
    context = _plan_features(context, rows["train"])
    rows["train"] = _renew(context, processor, settings, rows["train"])
    _report_resolved(context, sketch, machine)
    collate = task.build_collator(processor, settings)
    check_memory(context, sketch, rows, collate, machine)
    context.preemption.check()
    return Ready(context, processor, sketch, settings, rows)


def _check_recipe(context: Context, sketch: Loaded) -> None:
    """Refuse what the optimizer and the callbacks would refuse once the model is there."""
    spec = context.job.spec
    names = [name for name, p in sketch.model.named_parameters() if p.requires_grad]
    check_rates(names, sketch.layout, spec.training)
    if spec.method.gradual_unfreezing is not None:
        plan_unfreezing(spec.method.gradual_unfreezing, sketch.layout)


def _choose_settings(context: Context, processor: Any, sketch: Loaded) -> EncodeSettings:
    spec = context.job.spec
    max_length = choose_max_length(
        spec.training.max_length,
        processor,
        sketch.model.config,
        count_virtual_tokens(spec.method),
    )
    return EncodeSettings(spec, context.data.labels, max_length, sketch.model.config)


def _encode(context: Context, processor: Any, settings: EncodeSettings) -> dict[str, Rows]:
    rows = {
        name: Rows(
            part,
            context.task.encode(part, processor, replace(settings, is_training=name == "train")),
        )
        for name, part in context.data.parts.items()
        if name == "train" or name not in LEARNED_PARTS
    }
    context.board.warn(*(w for part in rows.values() for w in part.encoded.warnings))
    return rows


def _renew(context: Context, processor: Any, settings: EncodeSettings, train: Rows) -> Rows:
    def encode(part: Part) -> Encoded:
        return context.task.encode(part, processor, replace(settings, is_training=True))

    return renew_each_epoch(train, context.data.parts, encode, context.job.spec, context.plan)


def _inspect(
    context: Context, processor: Any, settings: EncodeSettings, rows: dict[str, Rows]
) -> None:
    """Look at the rows as the model takes them, and say what is unwise."""
    inspection, train = context.inspection, rows["train"]
    tokenizer = processor if context.task.processor == "Tokenizer" else None
    if inspection.covers(train.part):
        inspection.look_closer({name: found.encoded for name, found in rows.items()}, tokenizer)
    if tokenizer is not None:
        facts = EncodingFacts(
            train.encoded, len(train.part), settings.max_length, inspection.report.domain
        )
        context.board.warn(*find_encoding_warnings(facts))


def _plan_features(context: Context, train: Rows) -> Context:
    """Plan anew where rows became more features, such as windows, or fewer, such as packs."""
    if len(train) == len(train.part):
        return context
    plan = plan_steps(context.job.spec, len(train))
    context.board.update(maximum_steps=plan.maximum_steps)
    return replace(context, plan=replace(plan, refit_steps=context.plan.refit_steps))


def _report_resolved(context: Context, sketch: Loaded, machine: runtime.Machine) -> None:
    total, trainable = sketch.count_parameters()
    context.board.resolve(
        precision=machine.precision, parameters=Parameters(total=total, trainable=trainable)
    )
    context.board.warn(*machine.warnings)
    logger.info(
        "training %d of %d parameters on %s in %s",
        trainable,
        total,
        machine.device,
        machine.precision,
    )
