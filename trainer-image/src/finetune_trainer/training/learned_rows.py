"""What is learned from in each epoch: the training rows, changed and mixed as spec.dataset says.

`assembly` asks once, when the rows are encoded. Validation and test rows never come here.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from finetune_api.v1alpha1.job import FineTuneJobSpec
from finetune_trainer.data.augmentation import TextChanges
from finetune_trainer.data.replay import choose_pool, count_replayed
from finetune_trainer.data.tables import Part
from finetune_trainer.tasks.base import Encoded, Rows
from finetune_trainer.training.augmenting import augment_each_epoch
from finetune_trainer.training.plans import Plan
from finetune_trainer.training.replaying import mix_each_epoch

LEARNED_PARTS = ("train", "replay")


def renew_each_epoch(
    train: Rows,
    parts: Mapping[str, Part],
    encode: Callable[[Part], Encoded],
    spec: FineTuneJobSpec,
    plan: Plan,
) -> Rows:
    """Give the rows to learn from; the same ones where the job asks for nothing else.

    Args:
        train: the training part as it is written, encoded.
        parts: all parts.
        encode: makes features of rows that are learned from.
        spec: every default is filled in.
        plan: the steps.
    """
    encoded, seed = train.encoded, spec.training.seed
    changes = TextChanges.of(spec.dataset.augmentation)
    if changes is not None:
        encoded = augment_each_epoch(encoded, train.part, encode, changes, seed)
    if spec.dataset.replay is not None:
        ratio = spec.dataset.replay.ratio
        pool = _choose_pool(parts["replay"], count_replayed(len(train.part), ratio), plan, seed)
        encoded = mix_each_epoch(encoded, encode(pool), ratio, seed)
    return replace(train, encoded=encoded)


def _choose_pool(part: Part, rows_per_epoch: int, plan: Plan, seed: int) -> Part:
    """Leave out what the job can never see: a large source is not encoded whole."""
    pool = choose_pool(len(part), rows_per_epoch * math.ceil(plan.epochs), seed)
    return replace(part, indices=[part.indices[position] for position in pool])
