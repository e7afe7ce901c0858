"""What a task is: data and a few functions, never a branch in `run`.

A new task is one file with one `Task` and one line in `registry`. Importing it must not import
torch: the data is checked by what the task declares long before a model is loaded, so models are
named by text and the functions import what they need.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from finetune_api.v1alpha1 import FineTuneJobSpec
from finetune_api.v1alpha1.dataset import Dataset
from finetune_api.v1alpha1.metrics import MetricName
from finetune_api.v1alpha1.tasks import TASK_TRAITS, TaskName
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.tables import Part

if TYPE_CHECKING:
    import numpy
    import torch

Scores = dict[str, float]
"""Metrics by name."""
Features = Mapping[str, Any]
"""One row as the model takes it: arrays by argument name."""
Batch = dict[str, "torch.Tensor"]
Answers = Mapping[str, "numpy.ndarray[Any, Any]"]
"""What a model said about rows: arrays by name, [rows, …]."""
ProcessorKind = Literal["Tokenizer", "ImageProcessor", "FeatureExtractor", "SpeechProcessor"]
"""What turns values into what the model takes; `models.processors` loads it."""


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
        spec: the resolved spec.
        labels: in the order of the model's outputs.
        max_length: tokens per text; what the job wants, the tokenizer and the model can take.
        config: the configuration of the model, any object with attributes.
        is_training: whether the rows are learned from; packing and augmentation are for those.
    """

    spec: FineTuneJobSpec
    labels: tuple[str, ...] = ()
    max_length: int = 512
    config: Any = None
    is_training: bool = False


@dataclass(frozen=True, slots=True)
class Encoded:
    """Rows as the model takes them.

    Attributes:
        features: one mapping for each row, or for each piece of one.
        lengths: what features are grouped by, in tokens, or in samples of sound.
        truncated: rows that were cut.
        unknown: tokens that the vocabulary does not have.
        rows: the position in the part of each feature's row; None where they are one to one.
        set_epoch: called with the number of each epoch before its first row is asked for; for
            features that differ from epoch to epoch.
    """

    features: Sequence[Features]
    lengths: Sequence[int]
    truncated: int = 0
    unknown: int = 0
    rows: Sequence[int] | None = None
    set_epoch: Callable[[int], None] | None = None

    def __len__(self) -> int:
        return len(self.features)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a part, encoded; a data set for torch's DataLoader by its two methods.

    Attributes:
        part: the rows as they are written.
        encoded: the same as the model takes them.
    """

    part: Part
    encoded: Encoded

    @property
    def lengths(self) -> Sequence[int]:
        """What features are grouped by."""
        return self.encoded.lengths

    def __len__(self) -> int:
        return len(self.encoded)

    def __getitem__(self, index: int) -> Features:
        return self.encoded.features[index]


@dataclass(frozen=True, slots=True)
class Judged:
    """The answers of a model, beside what was asked.

    Attributes:
        answers: what `Task.answer` gave, in the order of the features; where batches were of
            different width, short rows are filled with -100.
        rows: the rows, as written and as encoded.
        settings: how they were encoded.
        processor: what encoded them.
    """

    answers: Answers
    rows: Rows
    settings: EncodeSettings
    processor: Any

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order of the model's outputs."""
        return self.settings.labels

    def stack(self, name: str) -> "numpy.ndarray[Any, Any]":
        """Give a feature of one value for each row, such as the number of its label."""
        import numpy as np

        return np.asarray([feature[name] for feature in self.rows.encoded.features])


class Collator(Protocol):
    """Makes one batch of rows."""

    def __call__(self, rows: Sequence[Features]) -> Batch:
        """Put the rows together, padded to the longest of them."""
        ...


Answer = Callable[[Any, Batch, FineTuneJobSpec], "Mapping[str, torch.Tensor]"]


def forward_logits(model: Any, batch: Batch, spec: FineTuneJobSpec) -> "Mapping[str, torch.Tensor]":
    """Give the logits [rows, …] of one batch: the answer of most tasks."""
    del spec
    return {"logits": model(**batch).logits}


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that a model can learn to do.

    Attributes:
        name: as in spec.task.
        processor: what turns values into what the model takes.
        find_needs: the columns that a job reads, what identifies a row, where the labels are.
        auto_model: the class of transformers that loads the model with the right output layer.
        configure: attributes of the model's configuration that the output layer follows, from the
            labels and spec.dataset.
        encode: turns the rows of a part into features.
        build_collator: makes the function that batches features.
        measure: metrics of the answers of a model.
        measure_baseline: metrics of the simplest guess that knows the training part only, for a
            model whose output layer knows nothing yet: training part, judged part, labels.
        describe: says each answer in words, one for each row of the part.
        answer: asks the model about one batch; runs without gradients.
        probe_role: the column that a probe fills; None where a row takes more than one text.
        loss_spans_batches: whether the model's own loss is a mean over all batches of a step. Most
            take the mean of one batch, whatever they are told.
    """

    name: TaskName
    processor: ProcessorKind
    find_needs: Callable[[Dataset], Needs]
    auto_model: str
    encode: Callable[[Part, Any, EncodeSettings], Encoded]
    build_collator: Callable[[Any, EncodeSettings], Collator]
    measure: Callable[[Judged], Scores]
    measure_baseline: Callable[[Part, Part, tuple[str, ...]], Scores]
    describe: Callable[[Judged], list[str]]
    configure: Callable[[tuple[str, ...], Dataset], dict[str, Any]] = lambda labels, dataset: {}
    answer: Answer = forward_logits
    probe_role: str | None = None
    loss_spans_batches: bool = False

    @property
    def metrics(self) -> tuple[MetricName, ...]:
        """The metrics that `measure` gives."""
        return TASK_TRAITS[self.name].metrics

    @property
    def main_metric(self) -> MetricName:
        """The metric that early stopping follows unless the job says otherwise."""
        return TASK_TRAITS[self.name].main


def name_labels(labels: tuple[str, ...], dataset: Dataset) -> dict[str, Any]:
    """Give a model one output for each label, with its name; `Task.configure` of most tasks."""
    del dataset
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {label: number for number, label in enumerate(labels)},
    }
