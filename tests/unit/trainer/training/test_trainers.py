from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from finetune_trainer.data.tables import Part
from finetune_trainer.tasks.base import EncodeSettings, Rows, Task
from finetune_trainer.tasks.causal_lm import CAUSAL_LM
from finetune_trainer.tasks.masked_lm import MASKED_LM
from finetune_trainer.tasks.seq2seq import SEQ2SEQ
from finetune_trainer.tasks.token_classification import TOKEN_CLASSIFICATION
from finetune_trainer.training.label_weights import find_labels_per_step
from language_models import (
    make_tiny_bart,
    make_tiny_gpt2,
    make_tiny_llama,
    make_tiny_roberta,
    make_tiny_t5,
)
from trainer_models import make_tiny_bert
from trainer_tasks import a_part, settings_of

# Rows of very different length: a mean of means would show.
TEXTS = [
    "one",
    "two",
    "the cat says meow and the dog says woof and the pig says oink",
    "three",
    "four five six seven",
    "the hen says cluck and the cow says moo",
]
TAGS = ("O", "B-LONG")
CASES = [
    pytest.param(CAUSAL_LM, make_tiny_gpt2, id="GPT-2, whose loss transformers has no name for"),
    pytest.param(CAUSAL_LM, make_tiny_llama, id="Llama, which would weigh the labels itself"),
    pytest.param(SEQ2SEQ, make_tiny_t5, id="T5, which takes their count and ignores it"),
    pytest.param(SEQ2SEQ, make_tiny_bart, id="BART, which makes its decoder's input of them"),
    pytest.param(MASKED_LM, make_tiny_roberta, id="RoBERTa, of which few tokens count"),
    pytest.param(TOKEN_CLASSIFICATION, make_tiny_bert, id="BERT, whose words have tags"),
]


def make_part(task: Task) -> Part:
    """Give the rows of TEXTS as a task reads them; the tag of a word is whether it is long."""
    if task is SEQ2SEQ:
        return a_part(source=TEXTS, target=TEXTS)
    if task is TOKEN_CLASSIFICATION:
        words = [text.split() for text in TEXTS]
        return a_part(tokens=words, tags=[[TAGS[len(word) > 3] for word in row] for row in words])
    return a_part(text=TEXTS)


def open_trainer(
    task: Task, folder: Path, output: Path, **training: Any
) -> tuple[Any, EncodeSettings]:
    """Give the Trainer of a task with only those parts that computing a loss needs."""
    import transformers

    from finetune_trainer.training.trainers import FineTuneTrainer

    model = getattr(transformers, task.auto_model).from_pretrained(folder)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    settings = replace(settings_of(task.name, TAGS, training=training), config=model.config)
    part = make_part(task)
    rows = Rows(part, task.encode(part, tokenizer, replace(settings, is_training=True)))
    parts: Any = SimpleNamespace(
        training=settings.spec.training,
        task=task,
        settings=settings,
        stillness=SimpleNamespace(hold=lambda: None),
        guard=SimpleNamespace(observe_loss=lambda loss: None),
        labels_per_step=None,
    )
    trainer = FineTuneTrainer(
        parts=parts,
        model=model,
        args=transformers.TrainingArguments(
            str(output),
            use_cpu=True,
            remove_unused_columns=False,
            label_names=["labels"],
            label_smoothing_factor=settings.spec.training.label_smoothing,
            report_to=[],
        ),
        train_dataset=rows,  # type: ignore[arg-type]
        data_collator=task.build_collator(tokenizer, settings),
        processing_class=tokenizer,
    )
    return trainer, settings


def collect_gradients(trainer: Any, batch_size: int) -> torch.Tensor:
    """Do the backward passes of one step, in batches of a size."""
    rows = list(trainer.train_dataset)
    batches = [
        trainer.data_collator(rows[start : start + batch_size])
        for start in range(0, len(rows), batch_size)
    ]
    trainer.current_gradient_accumulation_steps = len(batches)
    count = trainer._get_num_items_in_batch(batches, torch.device("cpu"))
    trainer.model.zero_grad()
    for batch in batches:
        trainer.training_step(trainer.model, batch, count)
    return torch.cat([p.grad.flatten() for p in trainer.model.parameters() if p.grad is not None])


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize(("task", "make"), CASES)
def test_accumulated_gradients_are_those_of_one_large_batch(
    task: Task, make: Any, smoothing: float, tmp_path: Path
) -> None:
    trainer, _ = open_trainer(task, make(tmp_path / "m"), tmp_path, labelSmoothing=smoothing)

    at_once, in_parts = (collect_gradients(trainer, size) for size in (len(TEXTS), 2))

    assert float(at_once.abs().max()) > 1e-3
    assert torch.allclose(at_once, in_parts, atol=1e-5, rtol=1e-3)


@pytest.mark.parametrize(("task", "make"), CASES)
def test_steps_weigh_what_they_hold_and_show_the_loss_that_they_have(
    task: Task, make: Any, tmp_path: Path
) -> None:
    trainer, _ = open_trainer(task, make(tmp_path / "m"), tmp_path)
    at_once = collect_gradients(trainer, len(TEXTS))
    rows = list(trainer.train_dataset)
    steps = [trainer.data_collator(rows[start : start + 2]) for start in range(0, len(rows), 2)]

    def take_steps(labels_per_step: float | None) -> tuple[list[float], torch.Tensor]:
        trainer.parts.labels_per_step = labels_per_step
        trainer.current_gradient_accumulation_steps = 1
        trainer.model.zero_grad()
        losses = []
        for batch in steps:
            count = trainer._get_num_items_in_batch([batch], torch.device("cpu"))
            losses.append(float(trainer.training_step(trainer.model, dict(batch), count)))
        found = [p.grad for p in trainer.model.parameters() if p.grad is not None]
        return losses, torch.cat([gradient.flatten() for gradient in found]) / len(steps)

    wanted = find_labels_per_step(trainer.train_dataset, 2)
    losses, weighed = take_steps(wanted)
    plain_losses, plain = take_steps(None)

    assert losses == pytest.approx(plain_losses)
    assert torch.allclose(weighed, at_once, atol=1e-5, rtol=1e-3)
    assert not torch.allclose(plain, at_once, atol=1e-4, rtol=1e-2)


@pytest.mark.parametrize(("task", "make"), CASES)
def test_a_smoothed_loss_is_that_of_the_same_targets(task: Task, make: Any, tmp_path: Path) -> None:
    trainer, _ = open_trainer(task, make(tmp_path / "m"), tmp_path, labelSmoothing=0.2)
    batch = trainer.data_collator(list(trainer.train_dataset))

    loss, outputs = trainer.compute_loss(trainer.model.eval(), dict(batch), return_outputs=True)

    logits, labels = outputs["logits"], batch["labels"]
    if task is CAUSAL_LM:
        logits, labels = logits[:, :-1], labels[:, 1:]
    expected = torch.nn.functional.cross_entropy(
        logits.reshape(-1, logits.shape[-1]), labels.reshape(-1), label_smoothing=0.2
    )
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), abs=1e-5)


def test_the_cache_of_a_model_is_off_only_while_it_is_trained(tmp_path: Path) -> None:
    trainer, _ = open_trainer(CAUSAL_LM, make_tiny_llama(tmp_path / "m"), tmp_path, packing=True)
    seen = []

    def look(*args: Any, **options: Any) -> None:
        seen.append(trainer.model.config.use_cache)
        raise KeyboardInterrupt

    trainer._inner_training_loop = look
    with pytest.raises(KeyboardInterrupt):
        trainer.train()

    assert seen == [False]
    assert trainer.model.config.use_cache is True
