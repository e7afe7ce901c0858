"""Mean average precision of found boxes, as COCO counts it, by pycocotools.

`tasks.object_detection` calls it. An object counts as found where a box of its label overlaps it by
a share of 0.5 (map50), or by 0.5 to 0.95 in ten steps (map); of an image at most the hundred
surest boxes count.
"""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from finetune_trainer.tasks.base import Scores
from finetune_trainer.tasks.picture_changes import Box


@dataclass(frozen=True, slots=True)
class Detection:
    """A box that a model found.

    Attributes:
        label: the number of its label.
        box: left, top, width, height, in pixels.
        score: how sure the model is, 0 to 1.
    """

    label: int
    box: Box
    score: float


@dataclass(frozen=True, slots=True)
class Wanted:
    """A box that is there.

    Attributes:
        label: the number of its label.
        box: left, top, width, height, in pixels.
    """

    label: int
    box: Box


def score_detections(
    found: Sequence[Sequence[Detection]], wanted: Sequence[Sequence[Wanted]], label_count: int
) -> Scores:
    """Score the boxes found in each image against those that are there.

    Labels of which no image has an object do not count.
    """
    if not any(found) or not any(wanted):
        return {"map": 0.0, "map50": 0.0}
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    # It prints its tables, with no way to ask it not to.
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = _describe_truth(wanted, label_count)
        truth.createIndex()
        answers = truth.loadRes(_describe_answers(found))
        evaluation = COCOeval(truth, answers, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return {"map": float(evaluation.stats[0]), "map50": float(evaluation.stats[1])}


def _describe_truth(wanted: Sequence[Sequence[Wanted]], label_count: int) -> dict[str, Any]:
    """Write the objects in the form of COCO, which counts images and labels from 1."""
    objects = [(image, it) for image, row in enumerate(wanted, start=1) for it in row]
    return {
        "info": {},
        "images": [{"id": image} for image in range(1, len(wanted) + 1)],
        "categories": [{"id": number + 1} for number in range(label_count)],
        "annotations": [
            {
                "id": number,
                "image_id": image,
                "category_id": it.label + 1,
                "bbox": list(it.box),
                "area": it.box[2] * it.box[3],
                "iscrowd": 0,
            }
            for number, (image, it) in enumerate(objects, start=1)
        ],
    }


def _describe_answers(found: Sequence[Sequence[Detection]]) -> list[dict[str, Any]]:
    return [
        {
            "image_id": image,
            "category_id": it.label + 1,
            "bbox": list(it.box),
            "score": it.score,
        }
        for image, row in enumerate(found, start=1)
        for it in row
    ]
