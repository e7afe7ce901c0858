"""The rows of an output layer: which label each stands for, and what a new one says at first.

`loading` calls it. A model that knows the labels of a job in another order would begin with its
answers mixed up, and learn the same thing twice; a regression that begins at 0 spends its first
steps on finding out how large the numbers are. Needs torch.
"""

import copy
from collections.abc import Collection, Sequence
from typing import Any

import torch


def reorder(model: Any, auto_model: Any, order: Sequence[int]) -> None:
    """Put the outputs of a model into another order of its labels.

    Args:
        model: as it was loaded; changed in place.
        auto_model: the class that builds it.
        order: for each output, the number of the one that says the same now.
    """
    rows = list(order)
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name in _find_labelled(model, auto_model):
            parameter = parameters[name]
            # A detector's last row says "nothing here" and stays the last.
            rest = list(range(len(rows), len(parameter)))
            parameter.copy_(parameter[rows + rest].clone())


def _find_labelled(model: Any, auto_model: Any) -> list[str]:
    """Name the parameters that have a row for each label: they grow when a label is added.

    A size alone does not tell: a model of 768 labels has layers of 768 numbers as well.
    """
    config = copy.deepcopy(model.config)
    config.num_labels = config.num_labels + 1
    with torch.device("meta"):
        larger = dict(auto_model.from_config(config).named_parameters())
    return [
        name
        for name, parameter in model.named_parameters()
        if len(parameter.shape) and larger[name].shape[0] != parameter.shape[0]
    ]


def begin_with(model: Any, head: Collection[str], value: float) -> None:
    """Let a new output layer of one number say that number at first; not every one can.

    Args:
        model: changed in place.
        head: the parameters of its output layer.
        value: the mean of what it will learn.
    """
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in head and name.endswith("bias") and parameter.shape == (1,):
                parameter.fill_(value)
