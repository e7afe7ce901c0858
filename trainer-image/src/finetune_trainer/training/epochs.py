"""Features that differ from epoch to epoch, behind an `Encoded` that stays the same object.

`augmenting` and `replaying` make them. The Trainer keeps its data set for the whole run and says
only which epoch it is (`trainers.EpochOrder`), so what it holds is a view of the features of the
moment. Nothing is remembered between epochs: the features of epoch 7 are the same whether the six
before it were seen or not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, overload

from finetune_trainer.tasks.base import Encoded

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class View(Sequence[T]):
    """A sequence that is looked up each time it is used.

    Attributes:
        read: gives the sequence of the moment.
    """

    read: Callable[[], Sequence[T]]

    def __len__(self) -> int:
        return len(self.read())

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self.read()[index]


class _Moment:
    """The features of the present epoch."""

    def __init__(self, encoded: Encoded) -> None:
        self.encoded = encoded
        self.epoch: int | None = None


def change_each_epoch(first: Encoded, make: Callable[[int], Encoded]) -> Encoded:
    """Give features that are made anew when another epoch begins.

    Args:
        first: the features until the first epoch begins; what was counted for it stays.
        make: gives the features of an epoch, as many as `first` has.
    """
    moment = _Moment(first)

    def set_epoch(epoch: int) -> None:
        # The Trainer says it twice, once to the loader and once to its sampler.
        if moment.epoch != epoch:
            moment.encoded, moment.epoch = make(epoch), epoch

    return replace(
        first,
        features=View(lambda: moment.encoded.features),
        lengths=View(lambda: moment.encoded.lengths),
        rows=None if first.rows is None else View(lambda: moment.encoded.rows or ()),
        set_epoch=set_epoch,
    )
