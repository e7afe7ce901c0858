"""Writes the trained model in the formats that output.formats asks for. Needs torch.

`run` hands it to `exporters`. Where an adapter was trained, Safetensors is the adapter alone and
MergedAdapter a plain model that needs no peft; where both are asked for, the plain model lies at
the root, where whoever serves models looks, and the adapter in adapter/.
"""

import logging
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from finetune_api.v1alpha1.placement import OutputFormat
from finetune_trainer.export.onnx import FOLDER_NAME as ONNX_FOLDER
from finetune_trainer.export.onnx import export_onnx
from finetune_trainer.models.adapter_files import copy_adapter, save_adapter
from finetune_trainer.models.loading import Loaded, load_model
from finetune_trainer.training.assembly import Attempt
from finetune_trainer.training.contexts import Context

logger = logging.getLogger(__name__)
ADAPTER_FOLDER = "adapter"


def write_model(attempt: Attempt, folder: Path) -> None:
    """Write configuration, weights, and tokenizer or processor."""
    context, loaded, processor = attempt.context, attempt.loaded, attempt.processor
    formats: Collection[OutputFormat] = context.job.spec.output.formats
    is_merged = "MergedAdapter" in formats
    if loaded.has_adapter and ("Safetensors" in formats or not is_merged):
        place = folder / ADAPTER_FOLDER if is_merged else folder
        save_adapter(loaded.model, place)
        processor.save_pretrained(place)
    model = loaded.model
    if loaded.has_adapter and (is_merged or "ONNX" in formats):
        model = merge_adapter(context, loaded)
    if is_merged or not loaded.has_adapter:
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
    if "ONNX" in formats:
        _export_onnx(attempt, model, folder / ONNX_FOLDER)


def try_formats(attempt: Attempt) -> None:
    """Convert the untouched model, and throw it away: what cannot work is better known now.

    Raises:
        ConfigError: the model cannot be had in a format that output.formats names.
    """
    if "ONNX" not in attempt.context.job.spec.output.formats:
        return
    loaded = attempt.loaded
    model = loaded.model.get_base_model() if loaded.has_adapter else loaded.model
    with tempfile.TemporaryDirectory() as folder:
        _export_onnx(attempt, model, Path(folder))


def _export_onnx(attempt: Attempt, model: Any, folder: Path) -> None:
    rows = attempt.rows["validation" if "validation" in attempt.rows else "train"]
    # Training in bfloat16 wraps the model; ONNX would get the casts, which no runtime computes.
    model = attempt.trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
    collate: Any = attempt.trainer.data_collator
    difference = export_onnx(model, collate, rows.encoded.features, folder)
    logger.info("the ONNX model differs from the original by %.1e at most", difference)


def merge_adapter(context: Context, loaded: Loaded) -> Any:
    """Build the adapter into the model; the model cannot be trained on afterwards.

    A model in four bits would be rounded once more by that, so its adapter goes into the weights as
    they were before.
    """
    if context.job.spec.method.type == "QLoRA":
        spec = context.job.spec
        method = spec.method.model_copy(update={"type": "LoRA"})
        whole = load_model(
            context.pretrained,
            spec.model_copy(update={"method": method}),
            context.task,
            context.data.labels,
        )
        copy_adapter(loaded.model, whole.model)
        loaded = whole
    return loaded.model.merge_and_unload(safe_merge=True)
