"""What a task is: data and a few functions, never a branch in `run`.

A new task is one file with one `Task` and one line in `registry`. Importing it must not import
torch: the data is checked by what the task declares long before a model is loaded, so models are
named by text and the functions import what they need.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

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
class Selection(Sequence[Features]):
    """Some of the features, each looked up when it is asked for: images are read only then.

    Attributes:
        features: all of them.
        positions: which of them, in order.
    """

    features: Sequence[Features]
    positions: Sequence[int]

    def __len__(self) -> int:
        return len(self.positions)

    @overload
    def __getitem__(self, index: int) -> Features: ...
    @overload
    def __getitem__(self, index: slice) -> "Selection": ...
    def __getitem__(self, index: int | slice) -> "Features | Selection":
        if isinstance(index, slice):
            return Selection(self.features, self.positions[index])
        return self.features[self.positions[index]]


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
        warnings: what is unwise about the rows and showed only now.
    """

    features: Sequence[Features]
    lengths: Sequence[int]
    truncated: int = 0
    unknown: int = 0
    rows: Sequence[int] | None = None
    set_epoch: Callable[[int], None] | None = None
    warnings: tuple[str, ...] = ()

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

    def select(self, positions: Sequence[int]) -> "Judged":
        """Keep the answers about some rows of the part, so that they can be measured alone.

        Args:
            positions: the rows in the order to have them in; one that comes twice counts twice.
        """
        part, encoded = self.rows.part, self.rows.encoded
        chosen, rows = list(positions), None
        if encoded.rows is not None:
            pieces: dict[int, list[int]] = {}
            for feature, row in enumerate(encoded.rows):
                pieces.setdefault(row, []).append(feature)
            found = [(f, new) for new, old in enumerate(positions) for f in pieces.get(old, ())]
            chosen, rows = [feature for feature, _ in found], [new for _, new in found]
        subset = Encoded(
            Selection(encoded.features, chosen), [encoded.lengths[f] for f in chosen], rows=rows
        )
        kept = Part(part.name, part.table, [part.indices[position] for position in positions])
        answers = {name: answer[chosen] for name, answer in self.answers.items()}
        return replace(self, answers=answers, rows=Rows(kept, subset))


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
            model whose output layer knows nothing yet: training part, judged part, labels. None
            where nothing can be guessed without a vocabulary: the untouched model is asked.
        describe: says each answer in words, one for each row of the part.
        follow_processor: attributes of the model's configuration that follow what encodes the rows,
            such as the size of a vocabulary.
        answer: asks the model about one batch; runs without gradients.
        probe_role: the column that a probe fills; None where a row takes more than one text.
        find_prior: what a new output layer of one number should say before it has learned
            anything, from the training part; None where there is no such number.
        loss_spans_batches: whether every label weighs the same, whatever batch and step it is in,
            because batches have many labels and some have more than others; labels are -100 where
            there is no target. Else every batch weighs the same.
    """

    name: TaskName
    processor: ProcessorKind
    find_needs: Callable[[Dataset], Needs]
    auto_model: str
    encode: Callable[[Part, Any, EncodeSettings], Encoded]
    build_collator: Callable[[Any, EncodeSettings], Collator]
    measure: Callable[[Judged], Scores]
    measure_baseline: Callable[[Part, Part, tuple[str, ...]], Scores] | None
    describe: Callable[[Judged], list[str]]
    configure: Callable[[tuple[str, ...], Dataset], dict[str, Any]] = lambda labels, dataset: {}
    follow_processor: Callable[[Any], dict[str, Any]] = lambda processor: {}
    answer: Answer = forward_logits
    probe_role: str | None = None
    find_prior: Callable[[Part], float] | None = None
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
