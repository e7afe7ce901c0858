"""Scores an earlier model on the rows that the new one will be judged by. Needs torch.

`training.examinations` calls it before training, so that a model that cannot be compared with costs
no training. The other model brings its own tokenizer and the order of its own labels: rows are
encoded anew for it, and labels go by their names.
"""

from dataclasses import replace
from typing import Any

from finetune_trainer.callbacks.preemption import LeaveWhenPreempted
from finetune_trainer.data.tables import Part
from finetune_trainer.models.loading import Loaded, load_model
from finetune_trainer.models.sources import Pretrained
from finetune_trainer.tasks.base import EncodeSettings, Rows, Scores
from finetune_trainer.training.assembly import Attempt
from finetune_trainer.training.comparisons import draw_rival
from finetune_trainer.training.trainers import FineTuneTrainer


def measure_rival(attempt: Attempt, rival: Pretrained, part: Part) -> Scores:
    """Score the other model.

    Args:
        attempt: of the job that wants to beat it.
        rival: its files, which `comparisons` has found to do.
        part: the rows to judge by.
    """
    context = attempt.context
    drawn = draw_rival(context, rival, part)
    loaded = load_model(rival, drawn.spec, context.task, drawn.settings.labels, drawn.processor)
    settings = replace(drawn.settings, config=loaded.model.config)
    trainer = _build_trainer(attempt, loaded, drawn.processor, drawn.rows, settings)
    return context.task.measure(trainer.ask(drawn.rows))


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
