"""The course of a training, from the sketch of the model to the sealed folder. Needs torch.

`run` calls it once the data and the files of the model are there and checked.
"""

import json
from functools import partial
from pathlib import Path

from finetune_trainer import runtime
from finetune_trainer.data.folds import Folds
from finetune_trainer.evaluation.materials import Materials
from finetune_trainer.export import models
from finetune_trainer.export.exporters import export_model
from finetune_trainer.export.results import FOLDS_NAME
from finetune_trainer.places import Places
from finetune_trainer.tracking.event_files import copy_event_files
from finetune_trainer.training import (
    assembly,
    attempts,
    comparisons,
    cross_validation,
    examinations,
    preparations,
)
from finetune_trainer.training.contexts import Context


def train_and_seal(context: Context, folds: Folds, materials: Materials, places: Places) -> None:
    """Train, examine and seal a model; one that is not good enough is sealed among the rejected.

    Args:
        context: what every part may need.
        folds: the rows that are held out in turn; empty where the split is a single one.
        materials: what the model is examined with besides its own rows.
        places: where the model goes.
    """
    board = context.board
    ready = preparations.prepare(context)
    comparisons.check_materials(ready, materials)
    runtime.begin_garbage_collection()
    summary = None
    if folds:
        summary = cross_validation.cross_validate(context, folds)
        ready = ready.follow(cross_validation.prepare_refit(context, summary))
        board.enter("Load")
    attempt = assembly.open_attempt(ready)
    context.ranks.lead(partial(models.try_formats, attempts.make_whole(attempt)))
    board.enter("Baseline")
    attempts.measure_baseline(attempt)
    with attempt.loaded.untouched():
        before = examinations.examine_before(attempt, materials)
    attempts.train(attempt)
    judgement = attempts.judge(attempt)
    findings = examinations.examine(attempt, materials, before, judgement)
    context.preemption.check()
    board.enter("Export")
    context.tracking.summarize(attempt.trainer.state.global_step, board.snapshot())
    trained = attempts.make_whole(attempt)

    def save_model(folder: Path) -> None:
        models.write_model(trained, folder)
        context.inspection.write(folder)
        if context.job.spec.tracking.tensor_board:
            copy_event_files(places.checkpoints, folder)
        if summary is not None:
            (folder / FOLDS_NAME).write_text(json.dumps(summary.to_json_dict(), indent=2) + "\n")

    context.writers.may_publish()
    destination = places.rejected if findings.complaints else places.output
    context.ranks.lead(
        lambda: export_model(destination, context.job, board.snapshot(), save_model, findings)
    )
