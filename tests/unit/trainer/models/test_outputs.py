"""What an output layer says before it has learned anything of this job."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from finetune_api.v1alpha1.tasks import TaskName
from finetune_trainer.models.loading import SKETCH, Loaded, Start, load_model
from finetune_trainer.models.sources import Pretrained
from finetune_trainer.tasks.registry import find_task
from trainer_families import make_tiny_roberta
from trainer_media import make_tiny_detr, make_tiny_vit
from trainer_models import make_tiny_bert
from trainer_tasks import a_spec

LABELS = tuple(f"label {number}" for number in range(4))
BY_CHANCE = Start()
ROWS = torch.tensor([[9, 30, 31, 32]])
PIXELS = torch.linspace(-1, 1, 3 * 32 * 32).reshape(1, 3, 32, 32)


def pretrained_in(folder: Path) -> Pretrained:
    config = json.loads((folder / "config.json").read_text())
    return Pretrained("pvc://models/tiny", folder, folder, "a" * 40, config)


def load(
    folder: Path, task: TaskName, labels: tuple[str, ...], start: Start = BY_CHANCE, **sections: Any
) -> Loaded:
    torch.manual_seed(0)
    spec = a_spec(task, **sections)
    return load_model(pretrained_in(folder), spec, find_task(task), labels, None, start)


def ask(loaded: Loaded, **inputs: torch.Tensor) -> dict[str, float]:
    """Give the logit of each label, by its name: of the first row, tag or box."""
    names = loaded.model.config.id2label
    with torch.no_grad():
        logits = loaded.model.eval()(**inputs).logits
    first = logits.reshape(-1, logits.shape[-1])[0]
    return {names[number]: float(first[number]) for number in names}


@pytest.mark.parametrize(
    ("make", "task", "inputs"),
    [
        pytest.param(make_tiny_bert, "TextClassification", {"input_ids": ROWS}, id="BERT"),
        pytest.param(make_tiny_roberta, "TextClassification", {"input_ids": ROWS}, id="RoBERTa"),
        pytest.param(make_tiny_bert, "TokenClassification", {"input_ids": ROWS}, id="tags"),
        pytest.param(
            make_tiny_vit, "ImageClassification", {"pixel_values": PIXELS[..., :16, :16]}, id="ViT"
        ),
        pytest.param(make_tiny_detr, "ObjectDetection", {"pixel_values": PIXELS}, id="DETR"),
    ],
)
def test_a_model_that_knows_the_labels_in_another_order_says_the_same(
    tmp_path: Path, make: Any, task: TaskName, inputs: dict[str, torch.Tensor]
) -> None:
    make(tmp_path / "base")
    first = load(tmp_path / "base", task, LABELS)
    first.model.save_pretrained(tmp_path / "tuned")
    mixed = (LABELS[2], LABELS[0], LABELS[3], LABELS[1])

    second = load(tmp_path / "tuned", task, mixed)

    assert not second.has_new_head
    assert ask(second, **inputs) == pytest.approx(ask(first, **inputs), abs=1e-5)
    assert load(tmp_path / "tuned", task, mixed, SKETCH).has_new_head is False


@pytest.mark.parametrize("method", ["Full", "LoRA"])
def test_a_new_output_of_a_number_begins_at_the_mean(tmp_path: Path, method: str) -> None:
    make_tiny_bert(tmp_path)
    start = Start(prior=1000.0)

    loaded = load(tmp_path, "TextRegression", (), start, method={"type": method})

    with torch.no_grad():
        assert float(loaded.model.eval()(input_ids=ROWS).logits) == pytest.approx(1000, abs=1)


def test_a_model_that_knows_numbers_already_keeps_its_own(tmp_path: Path) -> None:
    make_tiny_bert(tmp_path / "base")
    load(tmp_path / "base", "TextRegression", ()).model.save_pretrained(tmp_path / "tuned")

    loaded = load(tmp_path / "tuned", "TextRegression", (), Start(prior=1000.0))

    with torch.no_grad():
        assert abs(float(loaded.model.eval()(input_ids=ROWS).logits)) < 10


def test_a_sketch_is_what_the_model_will_be_without_its_weights(tmp_path: Path) -> None:
    make_tiny_bert(tmp_path)
    method = {"type": "LoRA"}

    sketch = load(tmp_path, "TextClassification", LABELS, SKETCH, method=method)
    loaded = load(tmp_path, "TextClassification", LABELS, method=method)

    def describe(found: Loaded) -> list[Any]:
        return [(n, p.shape, p.requires_grad) for n, p in found.model.named_parameters()]

    assert describe(sketch) == describe(loaded)
    assert sketch.layout == loaded.layout
    assert (sketch.has_new_head, sketch.has_adapter) == (True, True)
    assert isinstance(sketch.model.get_base_model(), transformers.BertForSequenceClassification)
    assert {p.device.type for n, p in sketch.model.named_parameters() if "lora" not in n} == {
        "meta"
    }
