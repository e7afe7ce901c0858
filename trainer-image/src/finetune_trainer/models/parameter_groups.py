"""Learning rate and weight decay of each parameter: layer-wise decay, the head's own rate.

Pure: names in, groups of names out. `training.trainers` makes the optimizer from them.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from finetune_api.v1alpha1.training import Training
from finetune_trainer.errors import ConfigError
from finetune_trainer.models.layers import Layout


@dataclass(frozen=True, slots=True)
class Group:
    """Parameters that are treated alike.

    Attributes:
        names: which.
        learning_rate: their highest learning rate.
        weight_decay: their weight decay.
    """

    names: tuple[str, ...]
    learning_rate: float
    weight_decay: float


def group_parameters(
    names: Collection[str], decayed: Collection[str], layout: Layout, training: Training
) -> list[Group]:
    """Put parameters with equal learning rate and weight decay together.

    Args:
        names: the parameters to train.
        decayed: those that weight decay pulls at: neither bias nor norm.
        layout: where each of them is in the model.
        training: spec.training.

    Raises:
        ConfigError: there is nothing of the model that a rate of its own could move.
    """
    check_rates(names, layout, training)
    groups: dict[tuple[float, float], list[str]] = defaultdict(list)
    for name in names:
        rate = _choose_rate(name, layout, training)
        groups[rate, training.weight_decay if name in decayed else 0.0].append(name)
    # The highest rate first: that is the one that the Trainer logs.
    ordered = sorted(groups.items(), key=lambda item: (-item[0][0], -item[0][1]))
    return [Group(tuple(found), rate, decay) for (rate, decay), found in ordered]


def check_rates(names: Collection[str], layout: Layout, training: Training) -> None:
    """Refuse rates for parts that are not there, or do not move.

    Raises:
        ConfigError: there is nothing of the model that a rate of its own could move.
    """
    if training.layerwise_learning_rate_decay < 1:
        layout.require_layers(
            f"training.layerwiseLearningRateDecay is {training.layerwise_learning_rate_decay}"
        )
    head_rate = training.head_learning_rate
    if head_rate not in (None, training.learning_rate) and layout.head.isdisjoint(names):
        raise ConfigError(
            f"training.headLearningRate is {head_rate}, but this job trains no output layer: it is"
            " tied to the embeddings, or stays as it is",
            hint="remove headLearningRate",
        )


def _choose_rate(name: str, layout: Layout, training: Training) -> float:
    rate = training.learning_rate or 0.0
    if name in layout.head:
        return training.head_learning_rate or rate
    steps_down = layout.layer_count - layout.level_of[name]
    return rate * training.layerwise_learning_rate_decay**steps_down
