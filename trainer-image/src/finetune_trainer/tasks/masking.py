"""Hides tokens for a model to guess, anew in each epoch: the data of MaskedLM.

What is hidden follows from seed, epoch and row alone and not from the state of a random generator:
a run that was interrupted, and one that is repeated, hide the same tokens. Rows to be judged by are
hidden once and for all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from finetune_trainer.tasks.base import Features

if TYPE_CHECKING:
    import numpy

MASKED_SHARE = 0.8
RANDOM_SHARE = 0.1
"""Of the hidden tokens so many become the mask token, so many another token; the rest stays as it
is, since the model meets no mask token in its later work."""
FOR_JUDGING = 0
FOR_LEARNING = 1


@dataclass(frozen=True, slots=True)
class Hiding:
    """How tokens are hidden.

    Attributes:
        probability: the share of tokens to guess.
        mask: the number of the mask token.
        special: tokens that are never hidden.
        vocabulary: tokens that the model knows.
        seed: decides which are hidden.
    """

    probability: float
    mask: int
    special: "numpy.ndarray[Any, Any]"
    vocabulary: int
    seed: int

    def list_hideable(self, tokens: "numpy.ndarray[Any, Any]") -> "numpy.ndarray[Any, Any]":
        """Give the positions of the tokens that can be hidden."""
        import numpy as np

        return np.flatnonzero(~np.isin(tokens, self.special))

    def hide(self, row: Features, key: tuple[int, ...]) -> dict[str, Any]:
        """Hide some tokens of a row, at least one.

        Args:
            row: has input_ids.
            key: decides which, together with the seed.

        Returns:
            the row with other input_ids, and labels that are -100 where nothing is to be guessed.
        """
        import numpy as np

        generator = np.random.default_rng((self.seed, *key))
        tokens = row["input_ids"]
        places = self.list_hideable(tokens)
        chosen = places[generator.random(len(places)) < self.probability]
        if not len(chosen):
            chosen = generator.choice(places, 1)
        labels = np.full_like(tokens, -100)
        labels[chosen] = tokens[chosen]
        hidden = tokens.copy()
        fate = generator.random(len(chosen))
        hidden[chosen[fate < MASKED_SHARE]] = self.mask
        swapped = chosen[(fate >= MASKED_SHARE) & (fate < MASKED_SHARE + RANDOM_SHARE)]
        hidden[swapped] = generator.integers(self.vocabulary, size=len(swapped))
        return {**row, "input_ids": hidden, "labels": labels}


@dataclass(slots=True)
class HiddenRows(Sequence[Features]):
    """Rows whose tokens are hidden at the moment when they are asked for.

    Attributes:
        rows: the rows as they are.
        hiding: how.
        is_training: whether each epoch hides others.
        epoch: the epoch.
    """

    rows: Sequence[Features]
    hiding: Hiding
    is_training: bool
    epoch: int = field(default=0)

    def set_epoch(self, epoch: int) -> None:
        """Hide the tokens of another epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Features: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Features]: ...
    def __getitem__(self, index: int | slice) -> Features | Sequence[Features]:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        row = range(len(self))[index]  # a negative number is the same row
        key = (FOR_LEARNING, self.epoch, row) if self.is_training else (FOR_JUDGING, row)
        return self.hiding.hide(self.rows[row], key)
