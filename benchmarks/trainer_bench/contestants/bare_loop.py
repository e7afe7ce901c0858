"""A loop of PyTorch with every optimisation that we know of: what a framework may cost at most.

No Trainer, no callbacks, no checkpoints, no reports; the best model is kept in memory. It shares
our set-up of the process, order of rows, dropout and attention, so that what is left between the
two is the price of everything else.
"""

import csv
import random
import time
from typing import Any

from finetune_trainer import runtime
from finetune_trainer.training.orders import order_for_evaluation, order_for_training
from trainer_bench.orders import Measurement, Order, StepClock

LABELS = ("negative", "positive")
EVALUATION_BATCH = 64
LONGEST = 512


def run(order: Order) -> Measurement:
    """Fine-tune and test."""
    runtime.keep_freed_memory()
    import torch

    runtime.use_faster_matmul()
    random.seed(order.seed)
    torch.manual_seed(order.seed)
    model = _load(order)
    clock = StepClock(order.recipe.batch_size)
    _train(model, order, clock)
    if order.recipe.max_steps:
        return clock.measure(None, 0)
    score, tested = _test(model, order, "test")
    model.save_pretrained(order.output / "model")
    return clock.measure(score, tested)


def _load(order: Order) -> Any:
    import torch
    from transformers import AutoModelForSequenceClassification

    from finetune_trainer.models.quickening import quicken_training

    model = AutoModelForSequenceClassification.from_pretrained(
        order.folder / "model", num_labels=len(LABELS), dtype=torch.float32
    )
    quicken_training(model, "cpu", is_compiled=False)
    return model


def _train(model: Any, order: Order, clock: StepClock) -> None:
    import torch
    from transformers.optimization import get_linear_schedule_with_warmup

    recipe, rows = order.recipe, _Rows(order, "train")
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=0.01, fused=True
    )
    steps = recipe.max_steps or recipe.epochs * -(-len(rows.lengths) // recipe.batch_size)
    schedule = get_linear_schedule_with_warmup(optimizer, 0, steps)  # type: ignore[no-untyped-call]
    best, weights = -1.0, {}
    for epoch in range(recipe.epochs):
        model.train()
        begun = time.monotonic()
        places = order_for_training(rows.lengths, recipe.batch_size, order.seed, epoch)
        for start in range(0, len(places), recipe.batch_size):
            batch = rows.collate(places[start : start + recipe.batch_size])
            with _arithmetic():
                loss = model(**batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            now = time.monotonic()
            clock.count(now, now - begun)
            begun = now
            if clock.steps == recipe.max_steps:
                return
        accuracy, _ = _test(model, order, "validation")
        if accuracy > best:
            best = accuracy
            weights = {name: values.clone() for name, values in model.state_dict().items()}
    model.load_state_dict(weights)


def _test(model: Any, order: Order, part: str) -> tuple[float, int]:
    import torch

    model.eval()
    rows = _Rows(order, part)
    right, places = 0, order_for_evaluation(rows.lengths)
    with torch.inference_mode(), _arithmetic():
        for start in range(0, len(places), EVALUATION_BATCH):
            batch = rows.collate(places[start : start + EVALUATION_BATCH])
            labels = batch.pop("labels")
            right += int((model(**batch).logits.argmax(-1) == labels).sum())
    return right / len(places), len(places)


def _arithmetic() -> Any:
    import torch

    return torch.autocast("cpu", torch.bfloat16, enabled=runtime.cpu_has_bfloat16())


class _Rows:
    def __init__(self, order: Order, part: str) -> None:
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(order.folder / "model" / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(LONGEST)
        with (order.folder / f"{part}.csv").open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        self._tokens = [found.ids for found in tokenizer.encode_batch([r["text"] for r in rows])]
        self._labels = [LABELS.index(row["label"]) for row in rows]
        self.lengths = [len(tokens) for tokens in self._tokens]

    def collate(self, places: list[int]) -> dict[str, Any]:
        """Pad to the longest."""
        import torch

        width = max(self.lengths[place] for place in places)
        padded = [self._tokens[p] + [0] * (width - self.lengths[p]) for p in places]
        seen = [[1] * self.lengths[p] + [0] * (width - self.lengths[p]) for p in places]
        return {
            "input_ids": torch.tensor(padded),
            "attention_mask": torch.tensor(seen),
            "labels": torch.tensor([self._labels[place] for place in places]),
        }
