from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from finetune_trainer.data.kinds.images import look_at_image
from finetune_trainer.data.media import place_media
from finetune_trainer.data.tables import Part
from finetune_trainer.tasks.base import EncodeSettings, name_labels
from finetune_trainer.tasks.object_detection import (
    OBJECT_DETECTION,
    complain_about_edges,
    find_needs,
    find_objects,
)
from trainer_media import make_scenes, make_tiny_detr, make_tiny_yolos
from trainer_tasks import a_part, a_spec, judge, settings_of

LABELS = ("blue", "red")


def a_picture(folder: Path, width: int, height: int) -> Any:
    name = f"{width}x{height}.png"
    Image.new("RGB", (width, height)).save(folder / name)
    return look_at_image(place_media(name, folder))


def load(folder: Path) -> tuple[Any, Any, EncodeSettings]:
    from transformers import AutoImageProcessor, AutoModelForObjectDetection

    settings = settings_of("ObjectDetection", labels=LABELS)
    model = AutoModelForObjectDetection.from_pretrained(
        folder,
        ignore_mismatched_sizes=True,
        **name_labels(LABELS, a_spec("ObjectDetection").dataset),
    )
    processor = AutoImageProcessor.from_pretrained(folder)
    return model, processor, replace(settings, config=model.config)


@pytest.fixture(scope="module")
def detr(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, EncodeSettings]:
    return load(make_tiny_detr(tmp_path_factory.mktemp("detr")))


@pytest.fixture(scope="module")
def yolos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, EncodeSettings]:
    return load(make_tiny_yolos(tmp_path_factory.mktemp("yolos")))


@pytest.fixture
def two_shapes(tmp_path: Path) -> Part:
    """A wide image and a high one, each with an object in its right lower quarter."""
    return a_part(
        image=[a_picture(tmp_path, 64, 32), a_picture(tmp_path, 32, 64)],
        objects=[
            {"bbox": [[32, 16, 32, 16]], "category": ["red"]},
            {"bbox": [[16, 32, 16, 32]], "category": ["blue"]},
        ],
    )


def test_a_model_with_a_mask_sees_boxes_in_shares_of_each_image(
    two_shapes: Part, detr: tuple[Any, Any, EncodeSettings]
) -> None:
    _, processor, settings = detr
    encoded = OBJECT_DETECTION.encode(two_shapes, processor, settings)

    batch: Any = OBJECT_DETECTION.build_collator(processor, settings)(encoded.features)

    assert batch["pixel_values"].shape == (2, 3, 64, 64)
    assert batch["pixel_mask"].sum(dim=(1, 2)).tolist() == [64 * 32, 64 * 32]
    assert [row["boxes"].tolist() for row in batch["labels"]] == [[[0.75, 0.75, 0.5, 0.5]]] * 2
    assert [row["class_labels"].tolist() for row in batch["labels"]] == [[1], [0]]
    assert next(iter(batch)) == "pixel_values"  # the Trainer counts rows by what comes first


def test_a_model_without_a_mask_sees_boxes_in_shares_of_the_padded_image(
    two_shapes: Part, yolos: tuple[Any, Any, EncodeSettings]
) -> None:
    _, processor, settings = yolos
    encoded = OBJECT_DETECTION.encode(two_shapes, processor, settings)

    batch: Any = OBJECT_DETECTION.build_collator(processor, settings)(encoded.features)

    assert "pixel_mask" not in batch
    wide, high = batch["labels"]
    assert wide["boxes"].tolist() == [[0.75, 0.375, 0.5, 0.25]]
    assert high["boxes"].tolist() == [[0.375, 0.75, 0.25, 0.5]]
    assert (wide["stretch"].tolist(), high["stretch"].tolist()) == ([1.0, 2.0], [2.0, 1.0])


class PerfectModel:
    """Answers with the very boxes that it was asked about, in the way of DETR."""

    training = False

    def eval(self) -> "PerfectModel":
        return self

    def __call__(self, labels: Any, **inputs: Any) -> Any:
        import torch
        from transformers.modeling_outputs import ModelOutput

        boxes = torch.stack([row["boxes"] for row in labels])
        logits = torch.full((*boxes.shape[:2], len(LABELS) + 1), -10.0)
        for line, row in zip(logits, labels, strict=True):
            line[torch.arange(len(line)), row["class_labels"]] = 10.0
        return ModelOutput(logits=logits, pred_boxes=boxes, loss=torch.tensor(0.5))


@pytest.mark.parametrize("family", ["detr", "yolos"])
def test_the_boxes_of_an_answer_are_in_the_pixels_of_the_image(
    two_shapes: Part, family: str, request: pytest.FixtureRequest
) -> None:
    _, processor, settings = request.getfixturevalue(family)

    judged = judge(OBJECT_DETECTION, two_shapes, processor, settings, PerfectModel())

    found = [[(it.label, it.box) for it in row] for row in find_objects(judged)]
    assert found == [[(1, (32.0, 16.0, 32.0, 16.0))], [(0, (16.0, 32.0, 16.0, 32.0))]]
    scores = OBJECT_DETECTION.measure(judged)
    assert scores == {"map": pytest.approx(1), "map50": pytest.approx(1), "loss": 0.5}
    assert OBJECT_DETECTION.describe(judged)[0] == "red 1.00 [32, 16, 32, 16]"


def test_an_untrained_model_can_be_judged(
    tmp_path: Path, detr: tuple[Any, Any, EncodeSettings]
) -> None:
    model, processor, settings = detr
    rows = make_scenes(tmp_path, 4)
    part = a_part(
        image=[look_at_image(place_media(row["image"], tmp_path)) for row in rows],
        objects=[row["objects"] for row in rows],
    )

    scores = OBJECT_DETECTION.measure(judge(OBJECT_DETECTION, part, processor, settings, model))

    assert 0 <= scores["map"] <= scores["map50"] < 0.5
    assert scores["loss"] > 0


@pytest.mark.parametrize(
    ("box", "is_fine"),
    [
        pytest.param([0, 0, 64, 32], True, id="the whole image"),
        pytest.param([-0.6, 0, 65.1, 32.4], True, id="rounded over the edge"),
        pytest.param([40, 0, 30, 10], False, id="out at the right"),
        pytest.param([0, 30, 10, 10], False, id="out below"),
        pytest.param([-5, 0, 10, 10], False, id="out at the left"),
    ],
)
def test_boxes_outside_of_the_image_are_refused(
    tmp_path: Path, box: list[float], is_fine: bool
) -> None:
    row = {"image": a_picture(tmp_path, 64, 32), "objects": {"bbox": [box], "category": ["red"]}}

    complaint = complain_about_edges(row)

    assert (complaint is None) is is_fine
    assert is_fine or f"the box {box}, which reaches out of the image of 64x32" in (complaint or "")


def test_what_was_rounded_over_the_edge_is_cut_off(tmp_path: Path) -> None:
    objects = {"bbox": [[-0.6, 0, 65.1, 32.4]], "category": ["red"]}
    part = a_part(image=[a_picture(tmp_path, 64, 32)], objects=[objects])

    encoded = OBJECT_DETECTION.encode(part, None, settings_of("ObjectDetection", labels=LABELS))

    assert encoded.features[0]["scene"].boxes == ((0.0, 0.0, 64.0, 32.0),)


def test_one_label_is_enough() -> None:
    needs = find_needs(a_spec("ObjectDetection").dataset)

    assert (needs.minimum_labels, needs.strata_role) == (1, None)
    assert list(needs.read_labels({"bbox": [], "category": ["a", "b"]})) == ["a", "b"]


def test_a_guess_that_finds_nothing_has_no_loss(two_shapes: Part) -> None:
    assert OBJECT_DETECTION.measure_baseline is not None

    scores = OBJECT_DETECTION.measure_baseline(two_shapes, two_shapes, LABELS)

    assert scores == {"map": 0.0, "map50": 0.0}
