"""Parts of the recipe that only a training shows: smoothing, noise, checkpointing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch.nn.functional import log_softmax

from finetune_api.v1alpha1.tasks import TaskName
from finetune_trainer.callbacks.divergence import GuardAgainstDivergence
from finetune_trainer.checkpoints.identity import Identity
from finetune_trainer.checkpoints.store import CheckpointStore
from finetune_trainer.models.loading import load_model
from finetune_trainer.models.sources import Pretrained
from finetune_trainer.models.stillness import Stillness
from finetune_trainer.reporting.board import Board
from finetune_trainer.reporting.instruments import Instruments
from finetune_trainer.runtime import Machine
from finetune_trainer.tasks.base import EncodeSettings, Rows
from finetune_trainer.tasks.registry import find_task
from finetune_trainer.training.arguments import build_arguments
from finetune_trainer.training.plans import plan_steps
from finetune_trainer.training.trainers import FineTuneTrainer, Parts
from trainer_families import make_tiny_gpt2
from trainer_models import make_tiny_bert
from trainer_tasks import a_part, a_spec

LABELS = ("negative", "positive")
TEXTS = ["a good movie", "a bad film", "very funny", "rather dull and long"]
STEADY = {"hidden": 0.0, "attention": 0.0}
NO_DROPOUT = {"source": "pvc://m/x", "dropout": STEADY}


@pytest.fixture(autouse=True)
def _compute_with_one_thread() -> Iterator[None]:
    """More threads than idle cores make tiny models slower by far."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_bert(tmp_path_factory.mktemp("bert"))


def make_trainer(
    folder: Path, scratch: Path, task_name: TaskName, **sections: Any
) -> FineTuneTrainer:
    """Put a Trainer together as `assembly` does, without callbacks."""
    recipe = {"maxSteps": 1, "batchSize": 4, "learningRate": 0.1, "schedule": {"type": "Constant"}}
    recipe |= sections.pop("training", {})
    spec = a_spec(task_name, training=recipe, **({"model": NO_DROPOUT} | sections))
    task = find_task(task_name)
    labels = LABELS if task_name == "TextClassification" else ()
    pretrained = Pretrained("pvc://m/x", folder, folder, "", {"model_type": "x"})
    torch.manual_seed(0)
    loaded = load_model(pretrained, spec, task, labels)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    loaded.model.config.pad_token_id = tokenizer.pad_token_id
    settings = EncodeSettings(spec, labels, 32, loaded.model.config, is_training=True)
    columns: dict[str, Any] = {"text": TEXTS}
    if labels:
        columns["label"] = ["positive", "negative"] * 2
    part = a_part(**columns)
    rows: Any = Rows(part, task.encode(part, tokenizer, settings))
    board = Board("uid", 1)
    instruments = Instruments(board)
    parts = Parts(
        training=spec.training,
        layout=loaded.layout,
        store=CheckpointStore(scratch / "checkpoints", Identity("uid", "hash", "data"), keep=1),
        guard=GuardAgainstDivergence(instruments),
        board=board,
        instruments=instruments,
        checkpoints_uri="pvc://data/checkpoints",
        task=task,
        settings=settings,
        stillness=Stillness(loaded.model, is_extraction=False),
        has_adapter=loaded.has_adapter,
    )
    machine = Machine("cpu", "Float32")
    trainer = FineTuneTrainer(
        parts=parts,
        model=loaded.model,
        args=build_arguments(spec, plan_steps(spec, len(rows)), machine, scratch / "checkpoints"),
        train_dataset=rows,
        eval_dataset=rows,
        data_collator=task.build_collator(tokenizer, settings),
        processing_class=tokenizer,
    )
    trainer.remove_callback(transformers.PrinterCallback)
    return trainer


def smooth(logits: torch.Tensor, labels: torch.Tensor, share: float) -> float:
    """Compute by hand: a share of each label is spread evenly over all."""
    chances = log_softmax(logits.detach(), dim=-1)
    kept = labels >= 0
    own = chances[kept, labels[kept]]
    return float(-((1 - share) * own + share * chances[kept].mean(dim=-1)).mean())


@pytest.mark.parametrize("share", [pytest.param(0.0, id="none"), pytest.param(0.3, id="some")])
def test_smoothing_spreads_a_part_of_each_label(bert: Path, tmp_path: Path, share: float) -> None:
    trainer = make_trainer(bert, tmp_path, "TextClassification", training={"labelSmoothing": share})
    batch = next(iter(trainer.get_train_dataloader()))

    loss, outputs = trainer.compute_loss(trainer.model, batch, return_outputs=True)

    assert loss.item() == pytest.approx(smooth(outputs.logits, batch["labels"], share), abs=1e-6)


@pytest.mark.parametrize(
    "method", [pytest.param(m, id=m) for m in ("Full", "LoRA", "PromptTuning")]
)
def test_smoothing_of_texts_is_for_the_next_word(tmp_path: Path, method: str) -> None:
    """With virtual tokens, too: neither the wrapper nor its answers are what the library knows."""
    trainer = make_trainer(
        make_tiny_gpt2(tmp_path / "gpt2"),
        tmp_path,
        "CausalLM",
        training={"labelSmoothing": 0.3},
        method={"type": method},
    )
    batch = next(iter(trainer.get_train_dataloader()))

    loss, outputs = trainer.compute_loss(trainer.model, batch, return_outputs=True)

    expected = smooth(outputs.logits[:, :-1], batch["labels"][:, 1:], 0.3)
    assert loss.item() == pytest.approx(expected, abs=1e-5)


class AskEmbeddings(transformers.TrainerCallback):
    """Notes whether the embeddings of a word differ from one look to the next."""

    def __init__(self, trainer: FineTuneTrainer) -> None:
        model: Any = trainer.model
        base = model.get_base_model() if trainer.parts.has_adapter else model
        self.embeddings = base.get_input_embeddings()
        self.differs: dict[str, bool] = {}

    def look(self, when: str, *, training: bool) -> None:
        self.embeddings.train(training)
        looks = [self.embeddings(torch.tensor([[5, 6]])) for _ in range(2)]
        self.differs[when] = not looks[0].equal(looks[1])

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:
        self.look("training", training=True)
        self.look("evaluating", training=False)


@pytest.mark.parametrize("method", [pytest.param(m, id=m) for m in ("Full", "LoRA")])
def test_noise_is_added_only_while_training(bert: Path, tmp_path: Path, method: str) -> None:
    trainer = make_trainer(
        bert,
        tmp_path,
        "TextClassification",
        training={"neftuneNoiseAlpha": 5},
        method={"type": method},
    )
    asker = AskEmbeddings(trainer)
    trainer.add_callback(asker)

    trainer.train()

    asker.look("afterwards", training=True)
    assert asker.differs == {"training": True, "evaluating": False, "afterwards": False}


@pytest.mark.parametrize("limit", [0.001, 0.0001])
def test_a_step_is_no_longer_than_the_clipped_gradient(
    bert: Path, tmp_path: Path, limit: float
) -> None:
    """The first step of SGD is the gradient times the rate of 0.1."""
    recipe = {"optimizer": "SGD", "maxGradNorm": limit, "weightDecay": 0.0}
    trainer = make_trainer(bert, tmp_path, "TextClassification", training=recipe)
    model: Any = trainer.model
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}

    trainer.train()

    moved = [(weight.detach() - before[name]).norm() for name, weight in model.named_parameters()]
    assert float(torch.stack(moved).norm()) == pytest.approx(0.1 * limit, rel=1e-2)


@contextmanager
def counting_calls(model: Any, ending: str) -> Iterator[list[str]]:
    """Count the forward passes of a module, those that checkpointing repeats included."""
    module = next(m for name, m in model.named_modules() if name.endswith(ending))
    calls: list[str] = []
    handle = module.register_forward_hook(lambda *_: calls.append(ending))
    try:
        yield calls
    finally:
        handle.remove()


@pytest.mark.parametrize(
    "method",
    [
        pytest.param({"type": "Full"}, id="all weights"),
        pytest.param({"freeze": {"embeddings": True, "lowestLayers": 1}}, id="frozen input"),
        pytest.param({"type": "LoRA", "lora": {"dropout": 0.0}}, id="LoRA"),
        pytest.param({"type": "PromptTuning"}, id="virtual tokens"),
    ],
)
def test_checkpointing_repeats_work_and_gives_equal_gradients(
    bert: Path, tmp_path: Path, method: dict[str, Any]
) -> None:
    gradients, repeated = [], []
    for index, is_on in enumerate((False, True)):
        trainer = make_trainer(
            bert,
            tmp_path / str(index),
            "TextClassification",
            training={"gradientCheckpointing": is_on},
            method=method,
            model={"source": "pvc://m/x", "dropout": STEADY | {"classifier": 0.0}},
        )
        found: dict[str, torch.Tensor] = {}
        trainer.add_callback(TakeGradients(found))
        with counting_calls(trainer.model, "encoder.layer.1.output.dense") as calls:
            trainer.train()
        gradients.append(found)
        repeated.append(len(calls))

    plain, checkpointed = gradients
    assert plain.keys() == checkpointed.keys()
    assert plain
    assert all(torch.allclose(plain[n], checkpointed[n], atol=1e-7) for n in plain)
    assert repeated[1] > repeated[0]


class TakeGradients(transformers.TrainerCallback):
    """Copies the gradients before the optimizer uses them."""

    def __init__(self, found: dict[str, torch.Tensor]) -> None:
        self._found = found

    def on_pre_optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        for name, parameter in kwargs["model"].named_parameters():
            if parameter.grad is not None:
                self._found[name] = parameter.grad.clone()
