"""Sort sounds into labels: commands, speakers, machines that will break.

Row: {"audio": "doors/3.wav", "label": "open"}
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from finetune_api.v1alpha1.dataset import Dataset
from finetune_trainer.data.columns import Column
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.tables import Part
from finetune_trainer.evaluation import classification
from finetune_trainer.tasks.base import (
    Batch,
    Collator,
    Encoded,
    EncodeSettings,
    Features,
    Judged,
    Scores,
    Task,
    name_labels,
)
from finetune_trainer.tasks.recordings import (
    LABELS,
    count_least_samples,
    encode_sounds,
    pad_sounds,
)


def find_needs(dataset: Dataset) -> Needs:
    """Ask for a sound and its label."""
    del dataset
    return Needs(
        columns=(Column("audio", Kind.AUDIO), Column("label", Kind.LABEL)),
        identity=("audio",),
        label_role="label",
    )


def encode_rows(part: Part, extractor: Any, settings: EncodeSettings) -> Encoded:
    """Give each sound with the number of its label; nothing is decoded yet."""
    sounds = part.column("audio")
    if not part.has("label"):
        return encode_sounds(sounds, [{}] * len(sounds), extractor, settings)
    numbers = {label: number for number, label in enumerate(settings.labels)}
    extras = [{LABELS: numbers[label]} for label in part.column("label")]
    return encode_sounds(sounds, extras, extractor, settings)


@dataclass(frozen=True, slots=True)
class PadSounds:
    """Makes batches.

    Attributes:
        extractor: normalises, or makes spectrograms.
        least_samples: what the model needs to hear anything.
    """

    extractor: Any
    least_samples: int

    def __call__(self, rows: Sequence[Features]) -> Batch:
        """Put sounds together, padded to the longest.

        Returns:
            what `pad_sounds` gives, and labels [rows].
        """
        import torch

        batch = pad_sounds(rows, self.extractor, self.least_samples)
        if all(LABELS in row for row in rows):
            batch[LABELS] = torch.tensor([row[LABELS] for row in rows])
        return batch


def build_collator(extractor: Any, settings: EncodeSettings) -> Collator:
    """Pad each batch to its longest sound."""
    return PadSounds(extractor, count_least_samples(settings.config))


def measure(judged: Judged) -> Scores:
    """Compare logits [rows, labels] with the labels as they are written."""
    return classification.score_labels(
        judged.answers["logits"], judged.rows.part.column("label"), judged.labels
    )


def measure_majority(train: Part, judged: Part, labels: tuple[str, ...]) -> Scores:
    """Score the guess that every sound has the most frequent label of the training part."""
    return classification.score_majority(train.column("label"), judged.column("label"), labels)


def describe(judged: Judged) -> list[str]:
    """Name the likeliest label of each sound, and how likely it is."""
    return classification.describe_logits(judged.answers["logits"], judged.labels)


AUDIO_CLASSIFICATION = Task(
    name="AudioClassification",
    processor="FeatureExtractor",
    find_needs=find_needs,
    auto_model="AutoModelForAudioClassification",
    configure=name_labels,
    encode=encode_rows,
    build_collator=build_collator,
    measure=measure,
    measure_baseline=measure_majority,
    describe=describe,
)
