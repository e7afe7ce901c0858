"""Pads the rows of a batch to the longest of them.

Every task on tokens uses it. Padding to a fixed length costs twenty times the work on short texts,
so the share of padding is reported as a metric of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from finetune_trainer.tasks.base import Batch, Features, Tokenizer

PAD_VALUES = {"labels": -100}
"""What fills a sequence of a name that is no token: -100 is left out of every loss."""


@dataclass(frozen=True, slots=True)
class PadToLongest:
    """Makes batches.

    Attributes:
        tokenizer: knows the padding token and the side to pad at.
        side: the side to pad at, where it may not be that of the tokenizer: answers that name
            tokens by their place would be off by the padding.
        left_out: features that are only measured by, and that the model does not take.
    """

    tokenizer: Tokenizer
    side: Literal["left", "right"] | None = None
    left_out: frozenset[str] = frozenset()

    def __call__(self, rows: Sequence[Features]) -> Batch:
        """Pad the rows to the longest of them.

        Returns:
            input_ids and attention_mask [rows, tokens], and labels [rows] or [rows, tokens]; what
            holds fractions, such as a mark for each of several labels, is stacked as it is.
        """
        import numpy as np
        import torch

        lengths = [len(row["input_ids"]) for row in rows]
        width = max(lengths)
        at_left = (self.side or self.tokenizer.padding_side) == "left"
        spans = [slice(width - n, width) if at_left else slice(0, n) for n in lengths]
        mask = np.zeros((len(rows), width), dtype=np.int64)
        for line, span in zip(mask, spans, strict=True):
            line[span] = 1
        batch = {"attention_mask": torch.from_numpy(mask)}
        for name, first in rows[0].items():
            if name in self.left_out:
                continue
            is_fraction = np.asarray(first).dtype.kind == "f"
            if is_fraction or np.ndim(first) == 0:
                stacked = np.stack([row[name] for row in rows])
                batch[name] = torch.from_numpy(stacked.astype("float32" if is_fraction else int))
                continue
            padded = np.full((len(rows), width), self._pad_value(name), dtype=np.int64)
            for line, span, row in zip(padded, spans, rows, strict=True):
                line[span] = row[name]
            batch[name] = torch.from_numpy(padded)
        return batch

    def _pad_value(self, name: str) -> int:
        if name == "input_ids":
            return self.tokenizer.pad_token_id or 0
        return PAD_VALUES.get(name, 0)
