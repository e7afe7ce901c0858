from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from finetune_trainer.data.kinds.images import look_at_image
from finetune_trainer.data.media import place_media
from finetune_trainer.data.tables import Part
from finetune_trainer.tasks.base import name_labels
from finetune_trainer.tasks.image_classification import IMAGE_CLASSIFICATION, find_needs
from trainer_media import make_patches, make_tiny_vit
from trainer_tasks import a_part, a_spec, judge, settings_of

LABELS = ("blue", "green", "red")


@pytest.fixture
def part(tmp_path: Path) -> Part:
    rows = make_patches(tmp_path, 5)
    return a_part(
        image=[look_at_image(place_media(row["image"], tmp_path)) for row in rows],
        label=[row["label"] for row in rows],
    )


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    folder = make_tiny_vit(tmp_path_factory.mktemp("vit"))
    options = name_labels(LABELS, a_spec("ImageClassification").dataset)
    return (
        AutoModelForImageClassification.from_pretrained(folder, **options),
        AutoImageProcessor.from_pretrained(folder),
    )


def test_a_batch_holds_what_the_processor_makes_of_its_images(
    part: Part, vit: tuple[Any, Any]
) -> None:
    _, processor = vit
    settings = settings_of("ImageClassification", labels=LABELS)
    encoded = IMAGE_CLASSIFICATION.encode(part, processor, settings)

    batch = IMAGE_CLASSIFICATION.build_collator(processor, settings)(encoded.features)

    wanted = processor(images=[p.decode() for p in part.column("image")], return_tensors="pt")
    assert batch["pixel_values"].equal(wanted["pixel_values"])
    assert batch["labels"].tolist() == [2, 1, 0, 2, 1]
    assert encoded.lengths == [1] * 5


def test_answers_are_measured_by_the_labels_as_they_are_written(
    part: Part, vit: tuple[Any, Any]
) -> None:
    model, processor = vit
    settings = settings_of("ImageClassification", labels=LABELS)
    settings = replace(settings, config=model.config)

    judged = judge(IMAGE_CLASSIFICATION, part, processor, settings, model)
    scores = IMAGE_CLASSIFICATION.measure(judged)

    numbers = judged.answers["logits"].argmax(-1)
    right = sum(LABELS[n] == label for n, label in zip(numbers, part.column("label"), strict=True))
    assert scores["accuracy"] == right / 5
    assert set(scores) == set(IMAGE_CLASSIFICATION.metrics)
    assert IMAGE_CLASSIFICATION.describe(judged)[0].startswith(LABELS[numbers[0]])


def test_images_without_labels_can_be_asked_about(part: Part, vit: tuple[Any, Any]) -> None:
    model, processor = vit
    alone = a_part(image=part.column("image"))

    judged = judge(
        IMAGE_CLASSIFICATION,
        alone,
        processor,
        settings_of("ImageClassification", labels=LABELS),
        model,
    )

    assert len(IMAGE_CLASSIFICATION.describe(judged)) == 5


def test_the_guess_without_a_model_is_the_most_frequent_label(part: Part) -> None:
    assert IMAGE_CLASSIFICATION.measure_baseline is not None

    scores = IMAGE_CLASSIFICATION.measure_baseline(part, part, LABELS)

    assert scores["accuracy"] == 0.4


def test_images_are_told_apart_by_their_content() -> None:
    needs = find_needs(a_spec("ImageClassification").dataset)

    assert (needs.identity, needs.label_role) == (("image",), "label")
