"""Whole runs of the tasks on images and sounds, with tiny models and toys to look at and hear."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import datasets
import pytest

from finetune_api.contract.exit_codes import ExitCode
from finetune_api.v1alpha1.status import Resolved
from finetune_trainer.__main__ import main
from hub_server import HubServer, Repository
from media_jobs import a_media_job, run_well, write_patches
from trainer_jobs import TrainerJob, write_jsonl, write_parquet
from trainer_media import (
    COLORS,
    LETTERS,
    draw_patch,
    make_patches,
    make_scenes,
    make_speech,
    make_tones,
    write_tone,
)
from trainer_processes import CHECKS_BEFORE_TRAINING, PreemptAtCheck


@pytest.mark.parametrize("name", ["vit", "resnet"])
def test_images_are_sorted_by_a_model_that_loads_and_predicts(
    tmp_path: Path, models: Callable[[str], Path], name: str
) -> None:
    from transformers import pipeline

    job = a_media_job(tmp_path, "ImageClassification", models(name))
    write_patches(job)

    metrics = run_well(job)

    assert metrics["test"]["accuracy"] == 1
    assert metrics["test_baseline"]["accuracy"] == pytest.approx(1 / 3)
    saved = pipeline("image-classification", model=str(job.output))
    assert saved(draw_patch(COLORS["green"], seed=99))[0]["label"] == "green"


@pytest.mark.parametrize(
    ("family", "width"),
    [pytest.param("vgg", 4096, id="VGG"), pytest.param("inception", 2048, id="Inception")],
)
def test_the_output_layer_of_a_timm_model_is_trained_and_keeps_its_labels(
    tmp_path: Path, models: Callable[[str], Path], family: str, width: int
) -> None:
    from transformers import pipeline

    job = a_media_job(tmp_path, "ImageClassification", models(family))
    write_patches(job)
    job.with_spec(training={"epochs": 2}, method={"type": "FeatureExtraction"})

    metrics = run_well(job)

    assert metrics["test"]["loss"] < metrics["test_baseline"]["loss"]
    parameters = read_resolved(job).parameters
    assert parameters is not None
    assert parameters.trainable == width * 3 + 3
    saved = pipeline("image-classification", model=str(job.output))
    assert {row["label"] for row in saved(draw_patch(COLORS["red"], seed=9))} == set(COLORS)


def test_a_folder_for_each_label_is_data_enough(
    tmp_path: Path, models: Callable[[str], Path]
) -> None:
    job = a_media_job(tmp_path, "ImageClassification", models("vit"))
    make_patches(job.claim / "patches", 60)
    job.with_spec(
        dataset={
            "train": {"source": "pvc://data/patches", "format": "ImageFolder"},
            "augmentation": {"horizontalFlip": 0.5, "minimumCrop": 0.6, "rotationDegrees": 10},
        }
    )

    metrics = run_well(job)

    assert metrics["best"]["f1"] > metrics["baseline"]["f1"]


def test_the_same_images_in_another_place_and_form_are_the_same_data(
    tmp_path: Path, models: Callable[[str], Path]
) -> None:
    """Bytes in Parquet, as hub data sets have them, or files with other names."""
    job = a_media_job(tmp_path, "ImageClassification", models("vit"))
    rows = make_patches(job.claim, 30)
    job.with_spec(training={"epochs": 1})
    write_jsonl(job.claim / "train.jsonl", rows)
    first = run_well(job), read_resolved(job).dataset_fingerprint
    shutil.rmtree(job.output)
    cells = [
        {"image": {"bytes": (job.claim / row["image"]).read_bytes(), "path": "x.png"}}
        | {"label": row["label"]}
        for row in rows
    ]
    write_parquet(job.claim / "train.parquet", cells)
    job.with_spec(dataset={"train": {"source": "pvc://data/train.parquet"}})
    job.uid = "another-uid"

    second = run_well(job), read_resolved(job).dataset_fingerprint

    assert second == first


def test_an_interrupted_run_sees_the_images_that_it_would_have_seen_without(
    tmp_path: Path, models: Callable[[str], Path]
) -> None:
    job = a_media_job(tmp_path, "ImageClassification", models("vit"))
    write_jsonl(job.claim / "train.jsonl", make_patches(job.claim, 50))
    job.with_spec(
        dataset={"augmentation": {"minimumCrop": 0.5, "colorJitter": 0.5}},
        earlyStopping={"enabled": False},
    )
    run_well(job)
    weights = (job.output / "model.safetensors").read_bytes()
    shutil.rmtree(job.output)
    shutil.rmtree(job.checkpoints)

    # Four checks come before the first step; five steps are an epoch.
    code = main(job.environment(), PreemptAtCheck(CHECKS_BEFORE_TRAINING + 8))
    metrics = run_well(job.with_attempt(2))

    assert code == ExitCode.PREEMPTED
    assert metrics["best"]["accuracy"] > 0.5
    assert (job.output / "model.safetensors").read_bytes() == weights


def read_resolved(job: TrainerJob) -> Resolved:
    report = job.read_outcome().report
    assert report is not None
    assert report.resolved is not None
    return report.resolved


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubServer]:
    """A hub with images in a table, images in folders, and sounds in folders."""
    folder = tmp_path / "hub"
    rows = make_patches(folder / "files" / "train", 30)
    make_tones(folder / "tones" / "train", 4)
    contents = [(folder / "files" / "train" / row["image"]).read_bytes() for row in rows]
    features = datasets.Features(
        {"picture": datasets.Image(), "color": datasets.ClassLabel(names=list(COLORS))}
    )
    table = {
        "picture": [{"bytes": content, "path": None} for content in contents],
        "color": [row["label"] for row in rows],
    }
    (folder / "table").mkdir()
    datasets.Dataset.from_dict(table, features).to_parquet(folder / "table" / "train.parquet")
    sets = {f"org/{name}": Repository(folder / name) for name in ("table", "files", "tones")}
    with HubServer({}, sets) as server:
        yield server


@pytest.mark.parametrize(
    ("name", "columns", "code", "said"),
    [
        pytest.param("table", {"image": "picture", "label": "color"}, 66, "base", id="a table"),
        pytest.param("files", {}, 66, "base", id="files in folders"),
        pytest.param(
            "tones", {}, 65, "is a folder of sound files", id="sounds, which FFmpeg would read"
        ),
    ],
)
def test_images_of_a_hub_are_read(
    tmp_path: Path,
    hub: HubServer,
    name: str,
    columns: dict[str, str],
    code: int,
    said: str,
) -> None:
    """There is no model: what comes after the data is refused, in a process of its own."""
    task = "AudioClassification" if name == "tones" else "ImageClassification"
    job = a_media_job(tmp_path / "pod", task)
    job.with_spec(dataset={"train": {"source": f"hf://org/{name}"}, "columns": columns})
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "HF_ENDPOINT": hub.url}

    done = subprocess.run(
        [sys.executable, "-m", "finetune_trainer"],
        env=environment | job.environment(),
        check=False,
        capture_output=True,
        text=True,
    )

    outcome = job.read_outcome()
    assert (done.returncode, said in outcome.message) == (code, True), done.stderr[-1000:]
    if code == ExitCode.NOT_FOUND:
        resolved = read_resolved(job)
        assert (resolved.labels, resolved.rows) == (
            ["blue", "green", "red"],
            {"train": 24, "validation": 6},
        )


def test_boxes_are_found_by_a_model_that_loads_and_predicts(
    tmp_path: Path, models: Callable[[str], Path]
) -> None:
    from transformers import AutoImageProcessor, AutoModelForObjectDetection

    job = a_media_job(tmp_path, "ObjectDetection", models("rt-detr"))
    write_jsonl(job.claim / "train.jsonl", make_scenes(job.claim, 60, size=64))
    write_jsonl(job.claim / "test.jsonl", make_scenes(job.claim, 12, seed=1, size=64))
    job.with_spec(
        dataset={
            "test": {"source": "pvc://data/test.jsonl"},
            "augmentation": {"horizontalFlip": 0.5},
        },
        training={"epochs": 16, "batchSize": 12, "schedule": {"type": "Constant"}},
        evaluation={"every": "Steps", "everySteps": 32},
        earlyStopping={"metric": "map50"},
    )

    metrics = run_well(job)

    assert metrics["test_baseline"] == {"map": 0, "map50": 0}

    assert metrics["test"]["map50"] > 0.1
    assert metrics["test"]["loss"] > 0
    model = AutoModelForObjectDetection.from_pretrained(job.output)
    processor = AutoImageProcessor.from_pretrained(job.output)
    assert model.config.id2label == {0: "blue", 1: "red"}
    answer = model(**processor(images=[draw_patch(COLORS["red"], 0)], return_tensors="pt"))
    assert answer.pred_boxes.shape == (1, 8, 4)


def test_sounds_are_sorted_by_a_model_that_loads_and_predicts(
    tmp_path: Path, models: Callable[[str], Path]
) -> None:
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

    job = a_media_job(tmp_path, "AudioClassification", models("wav2vec2"))
    make_tones(job.claim / "tones", 60)
    make_tones(job.claim / "test", 16, seed=1)
    job.with_spec(
        dataset={
            "train": {"source": "pvc://data/tones", "format": "AudioFolder"},
            "test": {"source": "pvc://data/test", "format": "AudioFolder"},
            "augmentation": {"audioNoise": 0.1},
        }
    )

    metrics = run_well(job)

    assert metrics["test"]["accuracy"] > metrics["test_baseline"]["accuracy"] == 0.5
    model = AutoModelForAudioClassification.from_pretrained(job.output)
    extractor = AutoFeatureExtractor.from_pretrained(job.output)
    assert (model.config.id2label, extractor.sampling_rate) == ({0: "high", 1: "low"}, 8000)


def test_speech_is_written_down_by_a_model_that_had_no_vocabulary(
    tmp_path: Path, models: Callable[[str], Path]
) -> None:
    import soundfile
    from transformers import AutoModelForCTC, AutoProcessor

    job = a_media_job(tmp_path, "SpeechRecognition", models("wav2vec2"))
    write_jsonl(job.claim / "train.jsonl", make_speech(job.claim, 100))
    write_jsonl(job.claim / "test.jsonl", make_speech(job.claim, 12, seed=1))
    job.with_spec(
        dataset={"test": {"source": "pvc://data/test.jsonl"}},
        training={"epochs": 12, "learningRate": 0.004},
        earlyStopping={"patience": 12},
    )

    metrics = run_well(job)

    assert metrics["test"]["wer"] < metrics["test_baseline"]["wer"]
    assert metrics["test"]["cer"] < 0.3
    processor = AutoProcessor.from_pretrained(job.output)
    model = AutoModelForCTC.from_pretrained(job.output).eval()
    waves, rate = soundfile.read(write_tone(tmp_path / "a.wav", [LETTERS["a"], LETTERS["c"]]))
    batch = processor(waves, sampling_rate=rate, return_tensors="pt")
    assert set(processor.batch_decode(model(**batch).logits.argmax(-1))[0]) <= set("abcd")
    assert json.loads((job.output / "vocab.json").read_text())["a"] == 3
