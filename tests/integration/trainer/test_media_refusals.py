"""What is refused of images, boxes and sounds, before a model is loaded."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finetune_api.contract.exit_codes import ExitCode
from media_jobs import a_media_job, write_patches
from trainer_jobs import write_csv, write_jsonl
from trainer_media import (
    COLORS,
    draw_patch,
    make_patches,
    make_speech,
    write_tone,
)
from trainer_runs import run

Row = dict[str, Any]
PATCH: Row = {"image": "ok.png", "label": "red"}
SCENE: Row = {"image": "ok.png", "objects": {"bbox": [[0, 0, 5, 5]], "category": ["red"]}}
TONE: Row = {"audio": "ok.wav", "label": "low"}
SPEECH: Row = {"audio": "ok.wav", "transcript": "ab"}


def objects(bbox: Any, category: Any) -> Row:
    return {"image": "ok.png", "objects": {"bbox": bbox, "category": category}}


@pytest.mark.parametrize(
    ("task", "rows", "said"),
    [
        pytest.param(
            "ImageClassification",
            [PATCH, {"image": "no.png", "label": "red"}],
            "row 2 of train.jsonl has the image 'no.png', which is not there",
            id="a missing image",
        ),
        pytest.param(
            "ImageClassification",
            [PATCH, {"image": "cut.png", "label": "red"}, {"image": "cut.png", "label": "blue"}],
            "row 2 of train.jsonl (and row 3 of train.jsonl; 2 rows in all) has the image"
            " 'cut.png', which cannot be read",
            id="images that are cut off",
        ),
        pytest.param(
            "ImageClassification",
            [{"image": "text.png", "label": "red"}],
            "row 1 of train.jsonl has the image 'text.png', which is none of a known format",
            id="a text that is called an image",
        ),
        pytest.param(
            "ImageClassification",
            [{"image": "../../secret.png", "label": "red"}],
            "'../../secret.png', which leads out of the folder of the data",
            id="a path that climbs",
        ),
        pytest.param(
            "ImageClassification",
            [PATCH, {"image": "ok.png", "label": None}],
            "row 2 of train.jsonl has no label",
            id="an image without a label",
        ),
        pytest.param(
            "ImageClassification",
            [{"picture": "ok.png", "label": "red"}],
            "has no column 'image'; it has picture, label",
            id="another column",
        ),
        pytest.param(
            "ImageClassification",
            [PATCH, PATCH],
            "every row has the label 'red'; at least two labels are needed",
            id="a single label",
        ),
        pytest.param(
            "ObjectDetection",
            [SCENE, objects([[15, 0, 10, 5]], ["red"])],
            "row 2 of train.jsonl has the box [15, 0, 10, 5], which reaches out of the image of"
            " 20x20 pixels",
            id="a box outside of the image",
        ),
        pytest.param(
            "ObjectDetection",
            [objects([[5, 5, -2, 3]], ["red"])],
            "row 1 of train.jsonl has the box [5, 5, -2, 3], whose width and height are not both",
            id="a box of negative width",
        ),
        pytest.param(
            "ObjectDetection",
            [objects([[5, 5, 2, 3]], ["red", "blue"])],
            "has 1 boxes and 2 categories",
            id="lists of unequal length",
        ),
        pytest.param(
            "ObjectDetection",
            [objects([], [])],
            "no row has a label in column 'objects'",
            id="no object anywhere",
        ),
        pytest.param(
            "AudioClassification",
            [TONE, {"audio": "text.wav", "label": "high"}],
            "row 2 of train.jsonl has the sound 'text.wav', which cannot be read",
            id="a text that is called a sound",
        ),
        pytest.param(
            "AudioClassification",
            [{"audio": "/etc/hostname", "label": "high"}],
            "'/etc/hostname', which is no path beside the data",
            id="an absolute path",
        ),
        pytest.param(
            "SpeechRecognition",
            [SPEECH, {"audio": "ok.wav", "transcript": "  "}],
            "row 2 of train.jsonl has an empty text",
            id="nothing said",
        ),
        pytest.param(
            "SpeechRecognition",
            [SPEECH, {"audio": None, "transcript": "ab"}],
            "row 2 of train.jsonl has no sound",
            id="nothing to hear",
        ),
    ],
)
def test_bad_data_is_refused_by_row_before_a_model_is_looked_for(
    tmp_path: Path, task: str, rows: list[Row], said: str
) -> None:
    job = a_media_job(tmp_path, task)
    patch = draw_patch(COLORS["red"], seed=0)
    patch.save(job.claim / "ok.png")
    patch.save(tmp_path / "secret.png")
    (job.claim / "cut.png").write_bytes((job.claim / "ok.png").read_bytes()[:600])
    write_tone(job.claim / "ok.wav", [440.0, 440.0])
    for name in ("text.png", "text.wav"):
        (job.claim / name).write_text("hello")
    write_jsonl(job.claim / "train.jsonl", rows)

    outcome = run(job)

    assert (outcome.exit_code, outcome.reason) == (ExitCode.BAD_DATA, "BadData")
    assert said in outcome.message


def test_a_folder_of_images_needs_its_format(tmp_path: Path) -> None:
    job = a_media_job(tmp_path, "ImageClassification")
    make_patches(job.claim / "patches", 3)
    job.with_spec(dataset={"train": {"source": "pvc://data/patches"}})

    outcome = run(job)

    assert outcome.exit_code == ExitCode.NOT_FOUND
    assert "set dataset.train.format to ImageFolder" in (outcome.hint or "")


def test_objects_in_a_csv_file_are_json(tmp_path: Path) -> None:
    """Such a file is read: what is refused here comes after the data."""
    job = a_media_job(tmp_path, "ObjectDetection")
    objects = json.dumps({"bbox": [[0, 0, 5, 5]], "category": ["red"]})
    rows = [{"image": row["image"], "objects": objects} for row in make_patches(job.claim, 5)]
    write_csv(job.claim / "train.csv", rows)
    job.with_spec(dataset={"train": {"source": "pvc://data/train.csv"}})

    outcome = run(job)

    assert (outcome.exit_code, "pvc://data/base" in outcome.message) == (ExitCode.NOT_FOUND, True)


def test_a_transcript_longer_than_its_sound_is_refused_before_training(
    tmp_path: Path, models: Callable[[str], Path]
) -> None:
    job = a_media_job(tmp_path, "SpeechRecognition", models("wav2vec2"))
    rows = make_speech(job.claim, 20)
    write_jsonl(job.claim / "train.jsonl", [row | {"transcript": "ab" * 40} for row in rows])

    outcome = run(job)

    assert outcome.exit_code == ExitCode.BAD_DATA
    assert "has a transcript of 80 characters, but its sound gives the model 15 frames" in (
        outcome.message
    )


def test_a_model_of_texts_cannot_sort_images(tmp_path: Path, tiny_bert: Path) -> None:
    job = a_media_job(tmp_path, "ImageClassification", tiny_bert)
    write_patches(job)

    outcome = run(job)

    assert outcome.exit_code == ExitCode.NOT_FOUND
    assert "pvc://data/base has no image processor" in outcome.message
