"""A step that is played through: what it counts follows from the model, not from its family."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from finetune_api.v1alpha1.tasks import TaskName
from finetune_trainer.models.loading import SKETCH, load_model
from finetune_trainer.models.sources import Pretrained
from finetune_trainer.tasks.registry import find_task
from finetune_trainer.training.memory_estimates import ModelSize, Peak, estimate_training
from finetune_trainer.training.memory_simulations import Play, play
from language_models import make_tiny_bart, make_tiny_gpt2, make_tiny_roberta, make_tiny_t5
from trainer_families import make_tiny_xlnet
from trainer_media import (
    make_tiny_detr,
    make_tiny_resnet,
    make_tiny_rt_detr,
    make_tiny_timm,
    make_tiny_vit,
    make_tiny_wav2vec2,
    make_tiny_yolos,
)
from trainer_models import make_tiny_bert
from trainer_tasks import a_spec

LABELS = ("negative", "positive")
FROZEN = {"freeze": {"embeddings": True, "lowestLayers": 2}}
PLAIN = Play()


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_bert(tmp_path_factory.mktemp("bert"))


def sketch(folder: Path, task: TaskName, **sections: Any) -> Any:
    config = json.loads((folder / "config.json").read_text())
    pretrained = Pretrained("pvc://models/tiny", folder, folder, "a" * 40, config)
    labels = LABELS if find_task(task).find_needs(a_spec(task).dataset).label_role else ()
    spec = a_spec(task, **sections)
    model = load_model(pretrained, spec, find_task(task), labels, None, SKETCH).model
    if getattr(model.config, "pad_token_id", None) is None:
        model.config.pad_token_id = 0
    return model


def texts(rows: int = 4, tokens: int = 32) -> dict[str, Any]:
    ids = torch.ones(rows, tokens, dtype=torch.long)
    return {"input_ids": ids, "attention_mask": ids}


def play_bert(
    folder: Path, rows: int = 4, tokens: int = 32, how: Play = PLAIN, **spec: Any
) -> Peak:
    batch = texts(rows, tokens) | {"labels": torch.zeros(rows, dtype=torch.long)}
    peak = play(sketch(folder, "TextClassification", **spec), batch, batch, how)
    assert peak is not None
    return peak


def test_twice_the_rows_keep_twice_the_activations(bert: Path) -> None:
    small, large = play_bert(bert, rows=16).training, play_bert(bert, rows=32).training

    assert large == pytest.approx(2 * small, rel=0.05)


def test_scores_of_long_texts_grow_with_their_square(bert: Path) -> None:
    short, long = play_bert(bert, tokens=16).training, play_bert(bert, tokens=64).training

    assert long > 5 * short


@pytest.mark.parametrize(
    ("how", "spec"),
    [
        pytest.param(Play(checkpoints=True), {}, id="gradient checkpointing"),
        pytest.param(Play(precision="BFloat16"), {}, id="half the precision"),
        pytest.param(Play(has_fused_attention=True), {}, id="attention that keeps no scores"),
        pytest.param(PLAIN, {"method": FROZEN}, id="frozen layers"),
        pytest.param(PLAIN, {"method": {"type": "LoRA"}}, id="an adapter"),
        pytest.param(
            Play(is_extraction=True), {"method": {"type": "FeatureExtraction"}}, id="a head alone"
        ),
    ],
)
def test_what_is_done_to_save_memory_saves_it(bert: Path, how: Play, spec: dict[str, Any]) -> None:
    assert play_bert(bert, 16, 64, how, **spec).training < play_bert(bert, 16, 64).training


def test_gradients_stay_while_batches_are_added_up(bert: Path) -> None:
    weights = sum(p.numel() for p in sketch(bert, "TextClassification").parameters())

    one, two = play_bert(bert).training, play_bert(bert, how=Play(batches=8)).training

    assert 0.9 * 4 * weights < two - one <= 4.1 * weights


def test_an_evaluation_keeps_nothing_for_the_way_back(bert: Path) -> None:
    peak = play_bert(bert)

    assert 0 < peak.evaluation < peak.training / 2


PIXELS = torch.zeros(2, 3, 64, 64)
WAVES = torch.zeros(2, 2400)
MASK = torch.ones(2, 2400, dtype=torch.long)
TARGETS = torch.zeros(2, dtype=torch.long)
WORDS = texts(2) | {"labels": torch.ones(2, 32, dtype=torch.long)}


@pytest.mark.parametrize(
    ("make", "task", "batch"),
    [
        pytest.param(make_tiny_gpt2, "CausalLM", WORDS, id="GPT-2"),
        pytest.param(make_tiny_t5, "Seq2Seq", WORDS, id="T5"),
        pytest.param(make_tiny_bart, "Seq2Seq", WORDS, id="BART"),
        pytest.param(make_tiny_roberta, "MaskedLM", WORDS, id="RoBERTa"),
        pytest.param(make_tiny_xlnet, "TextRegression", texts(2), id="XLNet"),
        pytest.param(
            make_tiny_vit,
            "ImageClassification",
            {"pixel_values": PIXELS[..., :16, :16], "labels": TARGETS},
            id="ViT",
        ),
        pytest.param(
            make_tiny_resnet, "ImageClassification", {"pixel_values": PIXELS}, id="ResNet"
        ),
        pytest.param(
            lambda folder: make_tiny_timm(folder, "vgg11", mlp_ratio=0.02),
            "ImageClassification",
            {"pixel_values": PIXELS[..., :32, :32], "labels": TARGETS},
            id="VGG of timm",
        ),
        pytest.param(
            make_tiny_detr,
            "ObjectDetection",
            {"pixel_values": PIXELS, "pixel_mask": torch.ones(2, 64, 64, dtype=torch.long)},
            id="DETR",
        ),
        pytest.param(make_tiny_rt_detr, "ObjectDetection", {"pixel_values": PIXELS}, id="RT-DETR"),
        pytest.param(
            make_tiny_yolos, "ObjectDetection", {"pixel_values": PIXELS[..., :32, :32]}, id="YOLOS"
        ),
        pytest.param(
            make_tiny_wav2vec2,
            "AudioClassification",
            {"input_values": WAVES, "attention_mask": MASK, "labels": TARGETS},
            id="Wav2Vec2",
        ),
        pytest.param(
            make_tiny_wav2vec2,
            "SpeechRecognition",
            {"input_values": WAVES, "attention_mask": MASK, "labels": TARGETS[:, None]},
            id="Wav2Vec2 that writes",
        ),
    ],
)
def test_a_model_of_any_kind_can_be_played_through(
    tmp_path: Path, make: Callable[[Path], Path], task: TaskName, batch: dict[str, Any]
) -> None:
    make(tmp_path)
    model = sketch(tmp_path, task)
    weights = sum(parameter.numel() for parameter in model.parameters())

    peak = play(model, batch, batch, PLAIN)

    assert peak is not None
    assert peak.training > 2 * weights
    assert peak.evaluation > 0


def draw_encoder(**sizes: int) -> Any:
    """Draw a BERT of the size of MiniLM-L6, or another one, that sorts into two labels."""
    shape = {"hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 6} | sizes
    config = transformers.BertConfig(vocab_size=30_522, num_attention_heads=12, **shape)
    with torch.device("meta"):
        return transformers.AutoModelForSequenceClassification.from_config(config)


BASE = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12}


@pytest.mark.parametrize(
    ("sizes", "rows", "tokens", "training", "measured_mebibytes"),
    [
        pytest.param({}, 16, 128, {}, 2179, id="Full"),
        pytest.param({}, 16, 128, {"precision": "BFloat16"}, 2044, id="BFloat16"),
        pytest.param({}, 16, 256, {"gradientCheckpointing": True}, 2405, id="checkpointing"),
        pytest.param({}, 8, 512, {}, 4379, id="512 tokens"),
        pytest.param(BASE, 8, 64, {}, 3477, id="BERT base"),
    ],
)
def test_the_estimate_is_near_the_peak_that_was_measured_on_a_cpu(
    sizes: dict[str, int],
    rows: int,
    tokens: int,
    training: dict[str, Any],
    measured_mebibytes: int,
) -> None:
    """The peaks are those of `make bench-memory`."""
    spec = a_spec("TextClassification", training={"precision": "Float32", **training})
    model = draw_encoder(**sizes)
    weights = sum(parameter.numel() for parameter in model.parameters())
    how = Play(spec.training.precision, checkpoints=spec.training.gradient_checkpointing)
    batch = texts(rows, tokens) | {"labels": torch.zeros(rows, dtype=torch.long)}

    peak = play(model, batch, texts(4 * rows, tokens), how)

    assert peak is not None
    estimate = estimate_training(spec, ModelSize(weights, weights), peak, on_gpu=False)
    assert estimate.total / 2**20 == pytest.approx(measured_mebibytes, rel=0.1)
