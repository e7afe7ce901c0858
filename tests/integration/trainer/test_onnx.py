"""Whole runs that leave a model for serving without Python."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finetune_api.contract.exit_codes import ExitCode
from finetune_trainer.__main__ import main
from finetune_trainer.preemption import Preemption
from trainer_jobs import TrainerJob

TEXTS = ["the movie is superb and lovely", "it is dull"]


@pytest.mark.parametrize(
    ("method", "precision"),
    [
        pytest.param("Full", "Float32", id="all weights"),
        pytest.param(
            "Full", "BFloat16", id="trained in half the precision", marks=pytest.mark.slow
        ),
        pytest.param("LoRA", "BFloat16", id="an adapter, trained in half the precision"),
    ],
)
def test_the_onnx_model_says_what_the_published_model_says(
    job: TrainerJob, method: str, precision: str
) -> None:
    formats = ["Safetensors", "ONNX"] if method == "Full" else ["MergedAdapter", "ONNX"]
    job.with_spec(
        method={"type": method}, output={"formats": formats}, training={"precision": precision}
    )

    assert main(job.environment(), Preemption()) == 0

    served, original = ask_onnx(job.output), ask_transformers(job.output)
    assert served == pytest.approx(original, abs=1e-4)
    report = job.read_outcome().report
    assert report is not None
    assert report.resolved is not None
    assert "GiB (weights" in (report.resolved.memory_estimate or "")


def test_a_model_that_cannot_be_converted_is_refused_before_it_is_trained(
    job: TrainerJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **options: Any) -> Any:
        raise RuntimeError("an operator that ONNX does not know")

    monkeypatch.setattr("transformers.exporters.exporter_onnx.OnnxExporter.export", refuse)
    job.with_spec(output={"formats": ["Safetensors", "ONNX"]})

    assert main(job.environment(), Preemption()) == ExitCode.BAD_CONFIG

    outcome = job.read_outcome()
    assert "cannot be converted: an operator that ONNX does not know" in outcome.message
    assert outcome.report is not None
    assert outcome.report.step == 0
    assert not job.output.exists()


def test_a_job_that_cannot_fit_is_refused_before_it_is_trained(
    job: TrainerJob, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text(str(200 * 2**20))
    from finetune_trainer.training import memory_limits

    monkeypatch.setattr(memory_limits.read_host_limit, "__defaults__", (limit,))

    assert main(job.environment(), Preemption()) == ExitCode.BAD_CONFIG

    outcome = job.read_outcome()
    assert "but this pod has 0.20 GiB" in outcome.message
    assert "ask for memory" in (outcome.hint or "")
    assert not job.output.exists()


def ask_onnx(folder: Path) -> Any:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(folder / "onnx" / "model.onnx"))
    inputs = tokenize(folder)
    return session.run(["logits"], {i.name: inputs[i.name] for i in session.get_inputs()})[0]


def ask_transformers(folder: Path) -> Any:
    import torch
    from transformers import AutoModelForSequenceClassification

    model = AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        return model(**{n: torch.from_numpy(a) for n, a in tokenize(folder).items()}).logits.numpy()


def tokenize(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    return dict(tokenizer(TEXTS, padding=True, return_tensors="np"))
