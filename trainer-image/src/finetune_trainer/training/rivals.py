"""Scores an earlier model on the rows that the new one will be judged by. Needs torch.

`training.examinations` calls it before training, so that a model that cannot be compared with costs
no training. The other model brings its own tokenizer and the order of its own labels: rows are
encoded anew for it, and labels go by their names.
"""

from dataclasses import replace
from typing import Any

from finetune_api.v1alpha1.method import Method
from finetune_api.v1alpha1.pretrained import PretrainedModel
from finetune_trainer.callbacks.preemption import LeaveWhenPreempted
from finetune_trainer.data.tables import Part
from finetune_trainer.errors import ConfigError, TrainerError
from finetune_trainer.evaluation.materials import list_labels, name_rival
from finetune_trainer.models.loading import Loaded, load_model
from finetune_trainer.models.processors import load_processor
from finetune_trainer.models.sources import Pretrained
from finetune_trainer.tasks.base import EncodeSettings, Rows, Scores
from finetune_trainer.training.assembly import Attempt
from finetune_trainer.training.encoding import choose_max_length
from finetune_trainer.training.trainers import FineTuneTrainer


def measure_rival(attempt: Attempt, rival: Pretrained, part: Part) -> Scores:
    """Score the other model.

    Args:
        attempt: of the job that wants to beat it.
        rival: its files.
        part: the rows to judge by.

    Raises:
        TrainerError: it cannot do the task.
    """
    task = attempt.context.task
    labels = list_labels(rival) if attempt.context.data.labels else ()
    # Neither frozen nor adapted: it is only asked.
    plain = attempt.context.job.spec.model_copy(
        update={"method": Method(), "model": PretrainedModel(source=rival.source)}
    )
    try:
        processor = load_processor(task.processor, rival, attempt.context.data.parts["train"])
        loaded = load_model(rival, plain, task, labels, processor)
        _require_head(loaded, rival, task.name)
    except TrainerError as error:
        raise name_rival(error) from error
    settings = replace(
        attempt.trainer.parts.settings,
        labels=labels,
        max_length=choose_max_length(plain.training.max_length, processor, loaded.model.config),
        config=loaded.model.config,
    )
    rows = Rows(part, task.encode(part, processor, settings))
    return task.measure(_build_trainer(attempt, loaded, processor, rows, settings).ask(rows))


def _require_head(loaded: Loaded, rival: Pretrained, task: str) -> None:
    if loaded.has_new_head:
        raise ConfigError(
            f"model.source {rival.source} has no output layer for {task}, so there is nothing to"
            " compare with",
            hint="name a model that was tuned for this task, such as job://last-week",
        )


def _build_trainer(
    attempt: Attempt, loaded: Loaded, processor: Any, rows: Rows, settings: EncodeSettings
) -> FineTuneTrainer:
    task = attempt.context.task
    if task.processor == "Tokenizer":
        loaded.model.config.pad_token_id = processor.pad_token_id
    trainer = FineTuneTrainer(
        parts=replace(attempt.trainer.parts, layout=loaded.layout, settings=settings),
        model=loaded.model,
        args=attempt.trainer.args,
        # Asked for by the arguments, and used for nothing: it does not train.
        eval_dataset=rows,
        data_collator=task.build_collator(processor, settings),
        processing_class=processor,
    )
    trainer.add_callback(LeaveWhenPreempted(attempt.context.preemption, attempt.context.ranks))
    return trainer
