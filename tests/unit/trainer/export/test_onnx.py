from pathlib import Path
from typing import Any

import pytest
import torch

from finetune_trainer.errors import ConfigError
from finetune_trainer.export import onnx
from finetune_trainer.tasks.text_classification import TEXT_CLASSIFICATION
from trainer_models import make_tiny_bert
from trainer_tasks import a_part, settings_of

TEXTS = ["a good movie", "dull", "the end of the movie is fine and good", "bad film", "weak"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, list[Any], Path, float]:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = make_tiny_bert(tmp_path_factory.mktemp("model"))
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    settings = settings_of("TextClassification", labels=("bad", "good"))
    part = a_part(text=TEXTS, label=["good", "bad", "good", "bad", "bad"])
    features = TEXT_CLASSIFICATION.encode(part, tokenizer, settings).features
    collate = TEXT_CLASSIFICATION.build_collator(tokenizer, settings)
    target = tmp_path_factory.mktemp("onnx")
    difference = onnx.export_onnx(model, collate, features, target)
    return model, collate, list(features), target, difference


def test_the_converted_model_answers_like_the_original(exported: Any) -> None:
    *_, folder, difference = exported

    assert (folder / "model.onnx").is_file()
    assert difference < 1e-4


def test_a_model_whose_weights_moved_since_is_found_out(exported: Any) -> None:
    model, collate, features, folder, _ = exported
    batch = {k: v for k, v in collate(features).items() if k != "labels"}
    with torch.no_grad():
        model.classifier.bias += 1

    difference = onnx.measure_difference(model, folder / "model.onnx", batch)

    assert difference > onnx.TOLERANCE


def test_a_model_that_cannot_be_traced_is_refused_with_the_fix(
    exported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, collate, features, *_ = exported

    def refuse(*args: Any, **options: Any) -> Any:
        raise RuntimeError("no way to trace this")

    monkeypatch.setattr("transformers.exporters.exporter_onnx.OnnxExporter.export", refuse)

    with pytest.raises(ConfigError, match="a bert model cannot be converted") as refusal:
        onnx.export_onnx(model, collate, features, tmp_path)

    assert refusal.value.hint == "remove ONNX from output.formats"
