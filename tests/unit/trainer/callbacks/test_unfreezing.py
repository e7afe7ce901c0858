from pathlib import Path

import torch
from torch import nn
from transformers import TrainerControl, TrainerState, TrainingArguments

from finetune_api.v1alpha1.method import GradualUnfreezing
from finetune_trainer.callbacks.unfreezing import UnfreezeGradually
from finetune_trainer.models.layers import read_layout
from finetune_trainer.models.unfreezing import plan_unfreezing

STEPS = 2
HEAD = "head.weight"


class Tower(nn.Module):
    """Embeddings, two layers and a head, all of them factors."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.Linear(1, 1, bias=False)
        self.layers = nn.ModuleList(nn.Linear(1, 1, bias=False) for _ in range(2))
        self.head = nn.Linear(1, 1, bias=False)
        for parameter in self.parameters():
            nn.init.constant_(parameter, 2.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in (self.embeddings, *self.layers, self.head):
            x = layer(x)
        return x


def make_callback(model: nn.Module) -> UnfreezeGradually:
    names = [name for name, _ in model.named_parameters()]
    unfreezing = plan_unfreezing(GradualUnfreezing(), read_layout(names, {HEAD}))
    return UnfreezeGradually(model, unfreezing, STEPS)


def begin_epoch(callback: UnfreezeGradually, folder: Path, step: int) -> None:
    state = TrainerState()
    state.global_step = step
    arguments = TrainingArguments(output_dir=str(folder), report_to=[])
    callback.on_epoch_begin(arguments, state, TrainerControl())


def take_values(model: nn.Module) -> dict[str, float]:
    return {name: p.item() for name, p in model.named_parameters()}


def test_what_is_open_moves_and_what_is_frozen_does_not_epoch_by_epoch(tmp_path: Path) -> None:
    model = Tower()
    callback = make_callback(model)
    # Weight decay and moments would move a frozen weight, had it ever a gradient.
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.1)
    moved, remembered = [], []

    for epoch in range(4):
        before = take_values(model)
        begin_epoch(callback, tmp_path, epoch * STEPS)
        for _ in range(STEPS):
            optimizer.zero_grad()
            model(torch.ones(1, 1)).sum().backward()
            optimizer.step()
        after = take_values(model)
        moved.append([name for name in before if before[name] != after[name]])
        remembered.append(len(optimizer.state))

    names = list(take_values(model))
    assert moved == [names[3:], names[2:], names[1:], names]
    assert remembered == [1, 2, 3, 4]


def test_after_a_restart_the_step_alone_says_what_is_open(tmp_path: Path) -> None:
    model = Tower()

    begin_epoch(make_callback(model), tmp_path, step=STEPS + 1)

    assert [n for n, p in model.named_parameters() if p.requires_grad] == ["layers.1.weight", HEAD]


def test_what_is_frozen_for_good_is_never_opened(tmp_path: Path) -> None:
    model = Tower()
    model.layers[1].requires_grad_(False)

    begin_epoch(make_callback(model), tmp_path, step=100 * STEPS)

    assert not model.get_parameter("layers.1.weight").requires_grad
