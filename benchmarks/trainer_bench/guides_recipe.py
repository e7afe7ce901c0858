"""The recipe of the beginner guides, as they write it: padding=True in map, batch 16.

Run as a process of its own, so that it pays for its own imports and shares no warm caches with the
other side. Prints one JSON line.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy
from datasets import load_dataset
from sklearn.metrics import accuracy_score, f1_score
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)


class StepClock(TrainerCallback):
    """Adds up the time between the begin and the end of steps: neither evaluation nor saving."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._begun = 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock."""
        self._begun = time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Stop it."""
        self.seconds += time.perf_counter() - self._begun


def compute_metrics(prediction: Any) -> dict[str, float]:
    """Accuracy and macro F1, as the guides do with `evaluate`, which would ask a hub."""
    labels, guesses = prediction.label_ids, numpy.argmax(prediction.predictions, axis=-1)
    return {
        "accuracy": float(accuracy_score(labels, guesses)),
        "f1": float(f1_score(labels, guesses, average="macro")),
    }


def load_rows(folder: Path, tokenizer: Any) -> Any:
    """Read the three parts and pad each batch of 1,000 rows to its longest one."""
    files = {part: str(folder / f"{part}.csv") for part in ("train", "validation", "test")}
    rows = load_dataset("csv", data_files=files)
    names = {"negative": 0, "positive": 1}
    rows = rows.map(lambda row: {"labels": names[row["label"]]}, remove_columns=["label"])
    return rows.map(
        lambda batch: tokenizer(batch["text"], padding=True, truncation=True), batched=True
    )


def train(
    folder: Path, output: Path, seed: int, epochs: int, learning_rate: float
) -> dict[str, float]:
    """Fine-tune and test."""
    set_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(folder / "minilm")
    rows = load_rows(folder, tokenizer)
    model = AutoModelForSequenceClassification.from_pretrained(folder / "minilm", num_labels=2)
    clock = StepClock()
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(output),
            eval_strategy="epoch",
            save_strategy="epoch",
            learning_rate=learning_rate,
            per_device_train_batch_size=16,
            per_device_eval_batch_size=16,
            num_train_epochs=epochs,
            weight_decay=0.01,
            logging_steps=10,
            report_to=[],
            seed=seed,
            disable_tqdm=True,
        ),
        train_dataset=rows["train"],
        eval_dataset=rows["validation"],
        processing_class=tokenizer,
        compute_metrics=compute_metrics,
        callbacks=[clock],
    )
    trainer.train()
    tested = trainer.evaluate(rows["test"], metric_key_prefix="test")
    trainer.save_model(str(output / "model"))
    return {
        "samples_per_second": len(rows["train"]) * epochs / clock.seconds,
        "train_seconds": clock.seconds,
        "accuracy": tested["test_accuracy"],
        "f1": tested["test_f1"],
        "test_rows": len(rows["test"]),
    }


def main() -> None:
    """Read the arguments, train, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--learning-rate", type=float, required=True)
    known = parser.parse_args()
    result = train(known.folder, known.output, known.seed, known.epochs, known.learning_rate)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
