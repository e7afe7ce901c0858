"""Find objects in images: parts on a belt, animals, faces.

Row: {"image": "street/4.jpg", "objects": {"bbox": [[12, 30, 64, 48]], "category": ["car"]}}
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from finetune_api.v1alpha1.dataset import Dataset
from finetune_trainer.data.columns import Column
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.tables import Part
from finetune_trainer.evaluation.detections import Detection, Wanted, score_detections
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
from finetune_trainer.tasks.picture_changes import Box, Scene
from finetune_trainer.tasks.pictures import SCENE, Target, encode_pictures, process

if TYPE_CHECKING:
    import torch

    from finetune_api.v1alpha1 import FineTuneJobSpec

ROUNDING_PIXELS = 1.0
"""By so much a box may reach over the edge: tools that annotate round."""
SHOWN_SCORE = 0.5
MAX_SHOWN = 10


def find_needs(dataset: Dataset) -> Needs:
    """Ask for an image and its objects; one label is enough to find."""
    del dataset
    return Needs(
        columns=(Column("image", Kind.IMAGE), Column("objects", Kind.OBJECTS)),
        identity=("image",),
        label_role="objects",
        read_labels=read_categories,
        is_stratified=False,
        check_row=complain_about_edges,
        minimum_labels=1,
    )


def read_categories(objects: Mapping[str, Any]) -> Iterable[str]:
    """Give the labels of the objects of an image."""
    categories: Iterable[str] = objects["category"]
    return categories


def complain_about_edges(row: Mapping[str, Any]) -> str | None:
    """Say which box lies outside of its image."""
    width, height = row["image"].width, row["image"].height
    for box in row["objects"]["bbox"]:
        x, y, w, h = box
        inside = min(x, y) >= -ROUNDING_PIXELS
        if not inside or x + w > width + ROUNDING_PIXELS or y + h > height + ROUNDING_PIXELS:
            return (
                f"the box {box}, which reaches out of the image of {width}x{height} pixels; boxes"
                " are [x, y, width, height] in pixels"
            )
    return None


def encode_rows(part: Part, processor: Any, settings: EncodeSettings) -> Encoded:
    """Give each image with its boxes and the numbers of their labels; nothing is decoded yet."""
    del processor
    pictures = part.column("image")
    if not part.has("objects"):
        return encode_pictures(pictures, [Target()] * len(pictures), settings)
    numbers = {label: number for number, label in enumerate(settings.labels)}
    targets = [
        Target(
            tuple(numbers[label] for label in objects["category"]),
            tuple(_clip(box, picture.width, picture.height) for box in objects["bbox"]),
        )
        for picture, objects in zip(pictures, part.column("objects"), strict=True)
    ]
    return encode_pictures(pictures, targets, settings)


def _clip(box: Sequence[float], width: int, height: int) -> Box:
    """Take the rounding off: what is left lies inside the image."""
    left, top = max(box[0], 0.0), max(box[1], 0.0)
    right, bottom = min(box[0] + box[2], width), min(box[1] + box[3], height)
    return left, top, right - left, bottom - top


@dataclass(frozen=True, slots=True)
class PadImages:
    """Makes batches: images of different sizes are padded to the largest.

    Each image is processed alone, as it will be when the model is used, and boxes are written
    relative to what the model takes for the image: the image itself where a mask tells it what is
    padding, the padded one where nothing does.

    Attributes:
        processor: resizes and normalises.
        sees_mask: whether the model takes a mask.
    """

    processor: Any
    sees_mask: bool

    def __call__(self, rows: Sequence[Features]) -> Batch:
        """Put images together.

        Returns:
            pixel_values [rows, channels, height, width], pixel_mask [rows, height, width] for a
            model that takes it, and as labels one mapping for each row: class_labels [objects],
            boxes [objects, 4] as centre and size in shares of the image, and stretch [2], the
            width and height of that image in shares of the one before padding.
        """
        import torch

        scenes: list[Scene] = [row[SCENE] for row in rows]
        images = [self._process(scene) for scene in scenes]
        height = max(pixels.shape[-2] for pixels, _ in images)
        width = max(pixels.shape[-1] for pixels, _ in images)
        values = torch.zeros(len(images), images[0][0].shape[0], height, width)
        mask = torch.zeros(len(images), height, width, dtype=torch.long)
        labels: list[Any] = []
        for number, (scene, (pixels, (own_height, own_width))) in enumerate(
            zip(scenes, images, strict=True)
        ):
            values[number, :, : pixels.shape[-2], : pixels.shape[-1]] = pixels
            mask[number, :own_height, :own_width] = 1
            stretch = (1.0, 1.0) if self.sees_mask else (width / own_width, height / own_height)
            labels.append(_write_labels(scene, stretch))
        batch: dict[str, Any] = {"pixel_values": values, "labels": labels}
        return batch | {"pixel_mask": mask} if self.sees_mask else batch

    def _process(self, scene: Scene) -> tuple["torch.Tensor", tuple[int, int]]:
        """Give the pixels, and how many of them, down and across, are no padding."""
        processed = process([scene.image], self.processor)
        pixels = processed["pixel_values"][0]
        if "pixel_mask" not in processed:
            return pixels, (pixels.shape[-2], pixels.shape[-1])
        own = processed["pixel_mask"][0]
        return pixels, (int(own.any(dim=1).sum()), int(own.any(dim=0).sum()))


def _write_labels(scene: Scene, stretch: tuple[float, float]) -> "dict[str, torch.Tensor]":
    import torch

    width, height = (size * factor for size, factor in zip(scene.image.size, stretch, strict=True))
    boxes = [
        ((x + w / 2) / width, (y + h / 2) / height, w / width, h / height)
        for x, y, w, h in scene.boxes
    ]
    return {
        "class_labels": torch.tensor(scene.labels, dtype=torch.long),
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "stretch": torch.tensor(stretch),
    }


def build_collator(processor: Any, settings: EncodeSettings) -> Collator:
    """Batch images as the model takes them."""
    import inspect

    import transformers

    model: Any = transformers.MODEL_FOR_OBJECT_DETECTION_MAPPING[type(settings.config)]
    return PadImages(processor, "pixel_mask" in inspect.signature(model.forward).parameters)


def answer(model: Any, batch: Batch, spec: "FineTuneJobSpec") -> "dict[str, torch.Tensor]":
    """Give logits [rows, boxes, labels], boxes [rows, boxes, 4], stretch [rows, 2], loss [rows].

    The loss is that of the batch for each of its rows: the models share it out over all objects.
    """
    import torch

    del spec
    output = model(**batch)
    stretch = torch.stack([row["stretch"] for row in batch["labels"]])
    return {
        "logits": output.logits,
        "boxes": output.pred_boxes,
        "stretch": stretch,
        "loss": output.loss.expand(len(stretch)),
    }


def find_objects(judged: Judged) -> list[list[Detection]]:
    """Give the boxes that the model found in each image, in pixels."""
    import torch

    pictures = judged.rows.part.column("image")
    stretch = judged.answers["stretch"]
    sizes = [
        (picture.height * float(down), picture.width * float(across))
        for picture, (across, down) in zip(pictures, stretch, strict=True)
    ]
    output = SimpleNamespace(
        logits=torch.from_numpy(judged.answers["logits"]).float(),
        pred_boxes=torch.from_numpy(judged.answers["boxes"]).float(),
    )
    # The processor knows how its family reads logits: some have an output for "no object".
    rows = judged.processor.post_process_object_detection(output, threshold=0.0, target_sizes=sizes)
    return [
        [
            Detection(int(label), (left, top, right - left, bottom - top), float(score))
            for label, score, (left, top, right, bottom) in zip(
                row["labels"], row["scores"], row["boxes"].tolist(), strict=True
            )
        ]
        for row in rows
    ]


def measure(judged: Judged) -> Scores:
    """Compare the boxes found with those that are there."""
    numbers = {label: number for number, label in enumerate(judged.labels)}
    wanted = [
        [
            Wanted(numbers[label], (box[0], box[1], box[2], box[3]))
            for label, box in zip(objects["category"], objects["bbox"], strict=True)
        ]
        for objects in judged.rows.part.column("objects")
    ]
    scores = score_detections(find_objects(judged), wanted, len(judged.labels))
    return scores | {"loss": float(judged.answers["loss"].mean())}


def measure_nothing(train: Part, judged: Part, labels: tuple[str, ...]) -> Scores:
    """Score a model that finds nothing; it has no outputs, so it has no loss."""
    del train, judged, labels
    return {"map": 0.0, "map50": 0.0}


def describe(judged: Judged) -> list[str]:
    """Name the objects of each image that the model is rather sure of, the surest first."""
    return [_describe_image(row, judged.labels) for row in find_objects(judged)]


def _describe_image(found: Sequence[Detection], labels: tuple[str, ...]) -> str:
    sure = sorted((it for it in found if it.score >= SHOWN_SCORE), key=lambda it: -it.score)
    shown = [
        f"{labels[it.label]} {it.score:.2f} [{', '.join(f'{n:.0f}' for n in it.box)}]"
        for it in sure[:MAX_SHOWN]
    ]
    more = [f"{len(sure) - MAX_SHOWN} more"] if len(sure) > MAX_SHOWN else []
    return "; ".join(shown + more) or "nothing"


OBJECT_DETECTION = Task(
    name="ObjectDetection",
    processor="ImageProcessor",
    find_needs=find_needs,
    auto_model="AutoModelForObjectDetection",
    configure=name_labels,
    encode=encode_rows,
    build_collator=build_collator,
    measure=measure,
    measure_baseline=measure_nothing,
    describe=describe,
    answer=answer,
)
