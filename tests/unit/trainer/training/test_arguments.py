"""What the recipe becomes: every schedule against values computed by hand, every optimizer."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Trainer, TrainingArguments, get_scheduler

from finetune_trainer.runtime import Machine
from finetune_trainer.training.arguments import build_arguments
from finetune_trainer.training.plans import plan_steps
from trainer_tasks import a_spec

STEPS = 100
WARMUP = {"warmupSteps": 10}


def build(folder: Path, **training: Any) -> TrainingArguments:
    recipe = {"maxSteps": STEPS, "learningRate": 1.0, **training}
    spec = a_spec("TextClassification", training=recipe)
    return build_arguments(spec, plan_steps(spec, 64), Machine("cpu", "Float32"), folder)


def test_evaluation_takes_four_times_the_rows_unless_said_otherwise(tmp_path: Path) -> None:
    assert build(tmp_path, batchSize=6).per_device_eval_batch_size == 24
    spec = a_spec("TextClassification", evaluation={"batchSize": 10})
    machine, plan = Machine("cpu", "Float32"), plan_steps(spec, 64)
    assert build_arguments(spec, plan, machine, tmp_path).per_device_eval_batch_size == 10


def trace_rates(arguments: TrainingArguments) -> list[float]:
    """Give the learning rate of every step."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=arguments.learning_rate)
    options: Any = arguments.lr_scheduler_kwargs
    scheduler = get_scheduler(
        arguments.lr_scheduler_type,
        optimizer,
        arguments.get_warmup_steps(STEPS),
        STEPS,
        scheduler_specific_kwargs=options,
    )
    rates = []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        pytest.param({"type": "Linear"} | WARMUP, {5: 0.5, 10: 1, 55: 0.5}, id="Linear"),
        pytest.param({"type": "Linear", "warmupRatio": 0.2}, {10: 0.5, 60: 0.5}, id="a ratio"),
        pytest.param(
            {"type": "Cosine"} | WARMUP,
            {5: 0.5, 28: 0.5 + 0.5 * math.cos(0.2 * math.pi), 55: 0.5},
            id="Cosine",
        ),
        pytest.param(
            {"type": "CosineWithRestarts"} | WARMUP,
            {5: 0.5, 28: 0.5 + 0.5 * math.cos(0.4 * math.pi), 55: 1},
            id="CosineWithRestarts is at its peak again half way",
        ),
        pytest.param(
            {"type": "Polynomial"} | WARMUP, {5: 0.5, 55: 0.25, 82: 0.04}, id="Polynomial"
        ),
        pytest.param({"type": "Constant"}, {0: 1, 50: 1, 99: 1}, id="Constant"),
        pytest.param(
            {"type": "ConstantWithWarmup"} | WARMUP, {5: 0.5, 99: 1}, id="ConstantWithWarmup"
        ),
        pytest.param({"type": "InverseSqrt"} | WARMUP, {5: 0.5, 40: 0.5, 90: 1 / 3}, id="Inverse"),
        pytest.param(
            {"type": "WarmupStableDecay"} | WARMUP, {5: 0.5, 79: 1, 90: 0.5}, id="WarmupStableDecay"
        ),
    ],
)
def test_every_schedule_gives_its_curve(
    tmp_path: Path, schedule: dict[str, Any], rates: dict[int, float]
) -> None:
    found = trace_rates(build(tmp_path, schedule=schedule))

    assert {step: found[step] for step in rates} == pytest.approx(rates)


@pytest.mark.parametrize(
    ("task", "worse"),
    [
        pytest.param("TextClassification", 0.4, id="a metric that shall rise"),
        pytest.param("TextRegression", 0.6, id="an error that shall fall"),
    ],
)
def test_a_plateau_halves_the_rate_after_two_evaluations(
    tmp_path: Path, task: Any, worse: float
) -> None:
    spec = a_spec(task, training={"maxSteps": STEPS, "schedule": {"type": "ReduceOnPlateau"}})
    arguments = build_arguments(spec, plan_steps(spec, 64), Machine("cpu", "Float32"), tmp_path)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    options: Any = arguments.lr_scheduler_kwargs
    scheduler: Any = get_scheduler(
        arguments.lr_scheduler_type, optimizer, scheduler_specific_kwargs=options
    )

    rates = []
    for value in (0.5, worse, worse, worse, worse):
        scheduler.step(value)
        rates.append(optimizer.param_groups[0]["lr"])

    assert rates == [1, 1, 0.5, 0.5, 0.25]


def make_optimizer(folder: Path, name: str, weight: torch.nn.Parameter) -> torch.optim.Optimizer:
    arguments = build(folder, optimizer=name, learningRate=0.1)
    kind, options = Trainer.get_optimizer_cls_and_kwargs(arguments)
    optimizer: torch.optim.Optimizer = kind([weight], **options)
    return optimizer


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        pytest.param("AdamW", 2 * 200, id="AdamW keeps two numbers for each weight"),
        pytest.param("Adafactor", 10 + 20, id="Adafactor keeps one for each row and column"),
        pytest.param("SGD", 200, id="SGD keeps its momentum"),
    ],
)
def test_every_optimizer_keeps_what_it_is_known_for(
    tmp_path: Path, name: str, numbers: int
) -> None:
    weight = torch.nn.Parameter(torch.ones(10, 20))
    optimizer = make_optimizer(tmp_path, name, weight)
    weight.grad = torch.full_like(weight, 0.5)

    optimizer.step()

    kept = [v for v in optimizer.state[weight].values() if isinstance(v, torch.Tensor)]
    assert sum(value.numel() for value in kept if value.ndim) == numbers
    assert not weight.equal(torch.ones(10, 20))


def test_sgd_has_momentum(tmp_path: Path) -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = make_optimizer(tmp_path, "SGD", weight)
    weight.grad = torch.ones(1)

    optimizer.step()
    optimizer.step()

    assert weight.item() == pytest.approx(-0.1 - 0.1 * 1.9)
