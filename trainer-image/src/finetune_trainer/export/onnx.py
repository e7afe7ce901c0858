"""output.formats ONNX: the model for serving without Python, checked against the original.

`run` calls it while the model is exported. transformers does the conversion; a graph that answers
otherwise than the model is not published. Needs torch.
"""

import contextlib
import importlib
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from finetune_trainer.errors import ConfigError
from finetune_trainer.tasks.base import Collator, Features

FOLDER_NAME = "onnx"
MODEL_NAME = "model.onnx"
TOLERANCE = 1e-3
"""The largest difference of an output, as a share of the largest output; measured 1e-6 to 1e-5."""
ROWS_TRACED = 2
ROWS_COMPARED = 5
TARGETS = ("labels", "start_positions", "end_positions")


def export_onnx(model: Any, collate: Collator, features: Sequence[Features], folder: Path) -> float:
    """Convert a model and compare the two.

    Args:
        model: in float32, with no adapter beside its weights.
        collate: makes batches as the model takes them.
        features: some rows; batches of different size and length are compared.
        folder: gets model.onnx, its weights and its configuration.

    Returns:
        the largest difference, as a share of the largest output.

    Raises:
        ConfigError: the model cannot be converted, or answers otherwise afterwards.
    """
    chosen = [features[i % len(features)] for i in range(ROWS_TRACED + ROWS_COMPARED)]
    compared = _without_targets(collate(chosen[ROWS_TRACED:]))
    with _at_rest(model), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _convert(model, _without_targets(collate(chosen[:ROWS_TRACED])), folder)
        difference = measure_difference(model, folder / MODEL_NAME, compared)
    if not difference <= TOLERANCE:
        raise ConfigError(
            f"output.formats names ONNX, but the converted model differs by {difference:.1%} from"
            " the original",
            hint="remove ONNX from output.formats",
        )
    return difference


@contextlib.contextmanager
def _at_rest(model: Any) -> Iterator[None]:
    """Put a model on the CPU, without dropout, and back to where it was."""
    device, is_training = model.device, model.training
    model.to("cpu").eval()
    try:
        yield
    finally:
        model.to(device).train(is_training)


def measure_difference(model: Any, path: Path, batch: Mapping[str, torch.Tensor]) -> float:
    """Give the largest difference of any output, as a share of the largest value of that output."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    taken = {entry.name for entry in session.get_inputs()}
    names = [entry.name for entry in session.get_outputs()]
    answers = session.run(names, {n: t.numpy() for n, t in batch.items() if n in taken})
    with torch.no_grad():
        expected = model(**batch)
    differences = [
        _compare(np.asarray(answer), expected[name].numpy())
        for name, answer in zip(names, answers, strict=True)
        if isinstance(expected.get(name), torch.Tensor)
    ]
    return max(differences, default=float("nan"))


def _convert(model: Any, batch: dict[str, torch.Tensor], folder: Path) -> None:
    # By name: the package exports lazily, which type checkers cannot follow.
    exporters: Any = importlib.import_module("transformers.exporters")
    # The exporter tells every step and every operator that it knows.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        inputs: dict[str, Any] = dict(batch)
        exported = exporters.OnnxExporter().export(
            model, inputs, config=exporters.OnnxConfig(dynamic=True)
        )
    except Exception as error:  # tracing runs the whole of the model's code: anything can be raised
        raise ConfigError(
            f"output.formats names ONNX, but a {model.config.model_type} model cannot be converted:"
            f" {str(error).splitlines()[0][:200] if str(error) else type(error).__name__}",
            hint="remove ONNX from output.formats",
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    exported.save_pretrained(folder)


def _compare(answer: "np.ndarray[Any, Any]", expected: "np.ndarray[Any, Any]") -> float:
    if answer.shape != expected.shape:
        return float("inf")
    largest = float(np.abs(expected).max(initial=0.0))
    return float(np.abs(answer - expected).max(initial=0.0)) / max(largest, 1e-6)


def _without_targets(batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in batch.items() if name not in TARGETS}
