"""Mixes general rows into the training rows, other ones in each epoch, as dataset.replay says.

`assembly` wraps the features of the training part. The rows come behind those of the task; the
order of the epoch shuffles them like all others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

from finetune_trainer.data.replay import choose_replayed, count_replayed
from finetune_trainer.tasks.base import Encoded
from finetune_trainer.training.epochs import change_each_epoch

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Mixed(Sequence[T], Generic[T]):
    """One sequence behind another, of which some places are taken.

    Attributes:
        own: all of these.
        general: some of these.
        chosen: which.
    """

    own: Sequence[T]
    general: Sequence[T]
    chosen: Sequence[int]

    def __len__(self) -> int:
        return len(self.own) + len(self.chosen)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if index < len(self.own):
            return self.own[index]
        return self.general[self.chosen[index - len(self.own)]]


def mix_each_epoch(train: Encoded, general: Encoded, ratio: float, seed: int) -> Encoded:
    """Give the features of `train` and, in each epoch, others of `general`.

    Args:
        train: the features of the task.
        general: those to choose from.
        ratio: the share of general ones in each epoch, by features: where texts are packed or cut
            into windows, a feature is not a row.
        seed: training.seed.
    """
    wanted = count_replayed(len(train), ratio)

    def make(epoch: int) -> Encoded:
        for encoded in (train, general):
            if encoded.set_epoch is not None:
                encoded.set_epoch(epoch)
        return _mix(train, general, choose_replayed(len(general), wanted, seed, epoch))

    first = choose_replayed(len(general), wanted, seed, epoch=0)
    return change_each_epoch(_mix(train, general, first), make)


def _mix(train: Encoded, general: Encoded, chosen: list[int]) -> Encoded:
    return Encoded(
        Mixed(train.features, general.features, chosen),
        Mixed(train.lengths, general.lengths, chosen),
        train.truncated,
        train.unknown,
    )
