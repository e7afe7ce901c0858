"""The Trainer of transformers as the guides use it; only the padding tells the recipes apart.

What `evaluate` would load from a hub, scikit-learn measures; everything else is as it is written
there, with the defaults that they leave in place.
"""

import time
from typing import Any

import numpy
import torch
from transformers import Trainer, TrainerCallback, TrainingArguments, set_seed

from trainer_bench.contestants.hugging_face_tasks import TASKS, Ingredients
from trainer_bench.orders import Measurement, Order, StepClock


class WatchSteps(TrainerCallback):
    """Measures from one step to the next, as ours reports it: neither evaluation nor saving."""

    def __init__(self, clock: StepClock) -> None:
        self._clock = clock
        self._begun: float | None = None

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock, unless it runs since the last step: fetching a batch counts too."""
        if self._begun is None:
            self._begun = time.monotonic()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Count a step."""
        now = time.monotonic()
        self._clock.count(now, now - (self._begun or now))
        self._begun = now

    def on_evaluate(self, *_: Any, **__: Any) -> None:
        """Stop the clock."""
        self._begun = None

    def on_save(self, *_: Any, **__: Any) -> None:
        """Stop the clock."""
        self._begun = None


def compute_metrics(prediction: Any) -> dict[str, float]:
    """Accuracy."""
    guesses = numpy.argmax(prediction.predictions, axis=-1)
    return {"accuracy": float((guesses == prediction.label_ids).mean())}


def run(order: Order, padding: bool | str) -> Measurement:
    """Fine-tune and test."""
    recipe = order.recipe
    set_seed(order.seed)
    parts = TASKS[recipe.task](order.folder, padding)
    model = _add_lora(parts.model) if recipe.uses_lora else parts.model
    clock = StepClock(recipe.batch_size)
    when = "no" if recipe.max_steps else "epoch"
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(order.output),
            eval_strategy=when,
            save_strategy=when,
            load_best_model_at_end=when == "epoch",
            learning_rate=recipe.learning_rate,
            per_device_train_batch_size=recipe.batch_size,
            per_device_eval_batch_size=recipe.batch_size,
            num_train_epochs=recipe.epochs,
            max_steps=recipe.max_steps or -1,
            weight_decay=0.01,
            logging_steps=10,
            remove_unused_columns=recipe.task == "TextClassification",
            report_to=[],
            seed=order.seed,
            disable_tqdm=True,
        ),
        train_dataset=parts.rows["train"],
        eval_dataset=parts.rows["validation"],
        processing_class=parts.processor,
        data_collator=parts.collator,
        compute_metrics=compute_metrics if parts.measures_accuracy else None,
        callbacks=[WatchSteps(clock)],
    )
    trainer.train()
    if recipe.max_steps:
        return clock.measure(None, 0)
    tested = trainer.evaluate(parts.rows["test"], metric_key_prefix="test")
    trainer.save_model(str(order.output / "model"))
    score = tested["test_accuracy"] if parts.measures_accuracy else _measure_loss(model, parts)
    return clock.measure(score, len(parts.rows["test"]))


def _measure_loss(model: Any, parts: Ingredients) -> float:
    """Give the mean of all tokens, as ours does.

    The library divides by one token more for each row, its first, which nothing foretells.
    """
    model.eval()
    lost, tokens = 0.0, 0
    with torch.inference_mode():
        for row in parts.rows["test"]:
            batch = parts.collator([row])
            foretold = batch["labels"].shape[1] - 1
            lost += float(model(**batch).loss) * foretold
            tokens += foretold
    return lost / tokens


def _add_lora(model: Any) -> Any:
    from peft import LoraConfig, TaskType, get_peft_model

    settings = LoraConfig(task_type=TaskType.SEQ_CLS, r=8, lora_alpha=16, lora_dropout=0.1)
    return get_peft_model(model, settings)
