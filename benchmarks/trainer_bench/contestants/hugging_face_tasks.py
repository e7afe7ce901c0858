"""The three tasks of the recipes: what a guide writes between `load_dataset` and `Trainer`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import load_dataset
from transformers import (
    AutoImageProcessor,
    AutoModelForCausalLM,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
)

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What the Trainer is given.

    Attributes:
        model: to train.
        rows: of each part.
        processor: of texts or images.
        collator: makes batches; None: the Trainer chooses.
        measures_accuracy: whether there are labels to be right about.
    """

    model: Any
    rows: Any
    processor: Any
    collator: Any = None
    measures_accuracy: bool = True


def classify_texts(folder: Path, padding: bool | str) -> Ingredients:
    """Pad in `map`, which pads each batch of 1,000 rows to its longest one, or not at all."""
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    rows = load_dataset("csv", data_files={part: str(folder / f"{part}.csv") for part in PARTS})
    names = {"negative": 0, "positive": 1}
    rows = rows.map(lambda row: {"labels": names[row["label"]]}, remove_columns=["label"])
    rows = rows.map(
        lambda batch: tokenizer(batch["text"], padding=padding, truncation=True), batched=True
    )
    model = AutoModelForSequenceClassification.from_pretrained(folder / "model", num_labels=2)
    return Ingredients(model, rows, tokenizer)


def continue_texts(folder: Path, padding: bool | str) -> Ingredients:
    """Pad in the collator of the library, which also makes the labels."""
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    rows = load_dataset("json", data_files={part: str(folder / f"{part}.jsonl") for part in PARTS})
    rows = rows.map(
        lambda batch: tokenizer(
            [text + tokenizer.eos_token for text in batch["text"]], padding=padding, truncation=True
        ),
        batched=True,
        remove_columns=["text"],
    )
    model = AutoModelForCausalLM.from_pretrained(folder / "model")
    collator = DataCollatorForLanguageModeling(tokenizer, mlm=False)
    return Ingredients(model, rows, tokenizer, collator, measures_accuracy=False)


def classify_images(folder: Path, padding: bool | str) -> Ingredients:
    """Prepare images as they are asked for."""
    processor = AutoImageProcessor.from_pretrained(folder / "model")  # type: ignore[no-untyped-call]
    rows = load_dataset("imagefolder", data_dir=str(folder))
    labels = rows["train"].features["label"].names
    model = AutoModelForImageClassification.from_pretrained(
        folder / "model", num_labels=len(labels), ignore_mismatched_sizes=True
    )

    def prepare(batch: Any) -> Any:
        images = [image.convert("RGB") for image in batch["image"]]
        return {**processor(images, return_tensors="pt"), "labels": batch["label"]}

    def collate(found: list[Any]) -> Any:
        return {
            "pixel_values": torch.stack([row["pixel_values"] for row in found]),
            "labels": torch.tensor([row["labels"] for row in found]),
        }

    return Ingredients(model, rows.with_transform(prepare), processor, collate)


TASKS: dict[str, Callable[[Path, bool | str], Ingredients]] = {
    "TextClassification": classify_texts,
    "CausalLM": continue_texts,
    "ImageClassification": classify_images,
}
