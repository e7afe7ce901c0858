"""What a job compares its model with, checked before anything is loaded. Needs torch.

`run` asks once the attempt is prepared: the untouched model must know the task to forget anything,
the model to beat must have an output layer for it, and all of their rows must be such that the
models can read them. `examinations` and `rivals` measure later.
"""

from dataclasses import dataclass
from typing import Any

from finetune_api.v1alpha1.job import FineTuneJobSpec
from finetune_api.v1alpha1.method import Method
from finetune_api.v1alpha1.pretrained import PretrainedModel
from finetune_trainer.data.tables import Part
from finetune_trainer.errors import ConfigError, TrainerError
from finetune_trainer.evaluation.materials import (
    RIVAL_FIELD,
    Materials,
    choose_judged_part,
    name_rival,
)
from finetune_trainer.models.labels import list_labels
from finetune_trainer.models.loading import SKETCH, Loaded, load_model
from finetune_trainer.models.processors import load_processor
from finetune_trainer.models.sources import Pretrained
from finetune_trainer.tasks.base import EncodeSettings, Rows
from finetune_trainer.training.contexts import Context
from finetune_trainer.training.encoding import choose_max_length
from finetune_trainer.training.preparations import Ready


def check_materials(ready: Ready, materials: Materials) -> None:
    """Make sure that each comparison of spec.evaluation can be made.

    Raises:
        TrainerError: one cannot.
    """
    context = ready.context
    if materials.general is not None:
        _refuse_a_new_head(context, ready.sketch)
    for part in (materials.general, materials.probes):
        if part is not None:
            context.task.encode(part, ready.processor, ready.settings)
    judged = choose_judged_part(context.data.parts)
    if materials.rival is not None and judged is not None:
        draw_rival(context, materials.rival, context.data.parts[judged])


def _refuse_a_new_head(context: Context, sketch: Loaded) -> None:
    if not sketch.has_new_head:
        return
    source = context.job.spec.model.source
    raise ConfigError(
        f"evaluation.forgetting compares with the untouched model, but {source} has no output layer"
        " for this task and these labels: before training it knows nothing that it could forget",
        hint="train a model on the general data first and name it in model.source, or remove"
        " evaluation.forgetting; dataset.replay works with any model",
    )


@dataclass(frozen=True, slots=True)
class Rival:
    """Another model, which lacks its weights.

    Attributes:
        spec: of the job, as if it were about this model.
        processor: encodes rows for it.
        settings: how they are encoded.
        rows: those to judge by.
    """

    spec: FineTuneJobSpec
    processor: Any
    settings: EncodeSettings
    rows: Rows


def draw_rival(context: Context, rival: Pretrained, part: Part) -> Rival:
    """Draw the model to beat, and encode the rows to judge by.

    Raises:
        TrainerError: it cannot do the task.
    """
    task = context.task
    labels = list_labels(rival.config) if context.data.labels else ()
    # Neither frozen nor adapted: it is only asked.
    spec = context.job.spec.model_copy(
        update={"method": Method(), "model": PretrainedModel(source=rival.source)}
    )
    try:
        processor = load_processor(task.processor, rival, context.data.parts["train"])
        sketch = load_model(rival, spec, task, labels, processor, SKETCH)
    except TrainerError as error:
        raise name_rival(error) from error
    if sketch.has_new_head:
        raise ConfigError(
            f"{RIVAL_FIELD} {rival.source} has no output layer for {task.name}, so there is nothing"
            " to compare with",
            hint="name a model that was tuned for this task, such as job://last-week",
        )
    config = sketch.model.config
    max_length = choose_max_length(spec.training.max_length, processor, config)
    settings = EncodeSettings(context.job.spec, labels, max_length, config)
    return Rival(spec, processor, settings, Rows(part, task.encode(part, processor, settings)))
