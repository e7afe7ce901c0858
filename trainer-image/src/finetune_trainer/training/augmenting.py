"""Encodes the training texts anew in each epoch, changed as dataset.augmentation says.

`assembly` wraps the features of the training part. How the texts are changed, `data.augmentation`
knows; the tokens follow from the changed texts, so lengths differ from epoch to epoch as well.
"""

from collections.abc import Callable

from finetune_trainer.data.augmentation import TextChanges, augment_part
from finetune_trainer.data.tables import Part
from finetune_trainer.tasks.base import Encoded
from finetune_trainer.training.epochs import change_each_epoch


def augment_each_epoch(
    plain: Encoded, part: Part, encode: Callable[[Part], Encoded], changes: TextChanges, seed: int
) -> Encoded:
    """Give features that differ in each epoch.

    Args:
        plain: the features of the texts as they are written.
        part: the training rows.
        encode: makes features of a part.
        changes: what is changed.
        seed: training.seed.
    """

    def make(epoch: int) -> Encoded:
        changed = encode(augment_part(part, changes, seed, epoch))
        if changed.set_epoch is not None:
            changed.set_epoch(epoch)
        return changed

    return change_each_epoch(plain, make)
