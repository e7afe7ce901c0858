"""Sort images into labels: species, defects, documents.

Row: {"image": "birds/017.jpg", "label": "robin"}
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
from finetune_trainer.tasks.pictures import SCENE, Target, encode_pictures, process

if TYPE_CHECKING:
    import torch

    from finetune_api.v1alpha1 import FineTuneJobSpec


def find_needs(dataset: Dataset) -> Needs:
    """Ask for an image and its label."""
    del dataset
    return Needs(
        columns=(Column("image", Kind.IMAGE), Column("label", Kind.LABEL)),
        identity=("image",),
        label_role="label",
    )


def configure(labels: tuple[str, ...], dataset: Dataset) -> dict[str, Any]:
    """Give the model one output for each label; a timm model keeps the names in a place of its own.

    There they stay those of the pre-trained model unless they are named, and a configuration
    without that place ignores them.
    """
    return name_labels(labels, dataset) | {"label_names": list(labels)}


def encode_rows(part: Part, processor: Any, settings: EncodeSettings) -> Encoded:
    """Give each image with the number of its label; nothing is decoded yet."""
    del processor
    pictures = part.column("image")
    if not part.has("label"):
        return encode_pictures(pictures, [Target()] * len(pictures), settings)
    numbers = {label: number for number, label in enumerate(settings.labels)}
    targets = [Target((numbers[label],)) for label in part.column("label")]
    return encode_pictures(pictures, targets, settings)


@dataclass(frozen=True, slots=True)
class StackImages:
    """Makes batches.

    Attributes:
        processor: resizes and normalises.
    """

    processor: Any

    def __call__(self, rows: Sequence[Features]) -> Batch:
        """Put images together.

        Returns:
            pixel_values [rows, channels, height, width], and labels [rows].
        """
        import torch

        scenes = [row[SCENE] for row in rows]
        pixels = process([scene.image for scene in scenes], self.processor)["pixel_values"]
        batch = {"pixel_values": pixels}
        if all(scene.labels for scene in scenes):
            batch["labels"] = torch.tensor([scene.labels[0] for scene in scenes])
        return batch


def build_collator(processor: Any, settings: EncodeSettings) -> Collator:
    """Resize and normalise the images of a batch as the model was trained on them."""
    del settings
    return StackImages(processor)


def measure(judged: Judged) -> Scores:
    """Compare logits [rows, labels] with the labels as they are written."""
    return classification.score_labels(
        judged.answers["logits"], judged.rows.part.column("label"), judged.labels
    )


def measure_majority(train: Part, judged: Part, labels: tuple[str, ...]) -> Scores:
    """Score the guess that every image has the most frequent label of the training part."""
    return classification.score_majority(train.column("label"), judged.column("label"), labels)


def describe(judged: Judged) -> list[str]:
    """Name the likeliest label of each image, and how likely it is."""
    return classification.describe_logits(judged.answers["logits"], judged.labels)


def answer(model: Any, batch: Batch, spec: "FineTuneJobSpec") -> "dict[str, torch.Tensor]":
    """Give the logits [rows, labels]."""
    del spec
    return {"logits": model(pixel_values=batch["pixel_values"]).logits}


IMAGE_CLASSIFICATION = Task(
    name="ImageClassification",
    processor="ImageProcessor",
    find_needs=find_needs,
    auto_model="AutoModelForImageClassification",
    configure=configure,
    encode=encode_rows,
    build_collator=build_collator,
    measure=measure,
    measure_baseline=measure_majority,
    describe=describe,
    answer=answer,
)
