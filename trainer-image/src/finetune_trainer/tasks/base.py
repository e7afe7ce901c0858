"""What a task is: data and a few functions, never a branch in `run`.

A new task is one file with one `Task` and one line in `registry`. Importing it must not import
torch: the data is checked by what the task declares long before a model is loaded, so models are
named by text and the functions import what they need.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from finetune_api.v1alpha1.metrics import TASK_METRICS, MetricName, TaskName
from finetune_trainer.data.loading import Needs
from finetune_trainer.data.tables import Part

if TYPE_CHECKING:
    import numpy
    import torch

Scores = dict[str, float]
"""Metrics by name."""
Features = Mapping[str, Any]
"""One row as the model takes it: arrays by argument name."""
Batch = dict[str, "torch.Tensor"]


class Tokenizer(Protocol):
    """What encoding and padding need of a tokenizer of transformers."""

    pad_token_id: int | None
    unk_token_id: int | None
    padding_side: str

    def __call__(self, text: list[str], **options: Any) -> Any:
        """Encode texts."""
        ...


@dataclass(frozen=True, slots=True)
class EncodeSettings:
    """How rows become features.

    Attributes:
        max_length: tokens per text.
        labels: in the order of the model's outputs.
    """

    max_length: int
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Encoded:
    """Rows as the model takes them; a data set for torch's DataLoader by its two methods.

    Attributes:
        features: one mapping for each row.
        lengths: what rows are grouped by, in tokens.
        truncated: rows that were cut.
        unknown: tokens that the vocabulary does not have.
    """

    features: Sequence[Features]
    lengths: Sequence[int]
    truncated: int = 0
    unknown: int = 0

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, index: int) -> Features:
        return self.features[index]


class Collator(Protocol):
    """Makes one batch of rows."""

    def __call__(self, rows: Sequence[Features]) -> Batch:
        """Pad the rows to the longest of them."""
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that a model can learn to do.

    Attributes:
        name: as in spec.task.
        needs: the columns, what identifies a row, and the column of the labels.
        auto_model: the class of transformers that loads the model with the right output layer.
        encode: turns the rows of a part into features.
        build_collator: makes the function that batches rows.
        measure: metrics from the model's outputs [rows, …] and the targets [rows, …].
        measure_baseline: metrics of the simplest guess that knows the training part only.
        loss_spans_batches: whether the model's own loss is a mean over all batches of a step. Most
            take the mean of one batch, whatever they are told.
    """

    name: TaskName
    needs: Needs
    auto_model: str
    encode: Callable[[Part, Tokenizer, EncodeSettings], Encoded]
    build_collator: Callable[[Tokenizer], Collator]
    measure: Callable[["numpy.ndarray[Any, Any]", "numpy.ndarray[Any, Any]"], Scores]
    measure_baseline: Callable[[Part, Part, tuple[str, ...]], Scores]
    loss_spans_batches: bool = False

    @property
    def metrics(self) -> tuple[MetricName, ...]:
        """The metrics that `measure` gives."""
        return TASK_METRICS[self.name].names

    @property
    def main_metric(self) -> MetricName:
        """The metric that early stopping follows unless the job says otherwise."""
        return TASK_METRICS[self.name].main
