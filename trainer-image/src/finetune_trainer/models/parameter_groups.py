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
        ConfigError: a decay by layer is asked for, but the model has no numbered layers.
    """
    if training.layerwise_learning_rate_decay < 1 and not layout.layer_count:
        raise ConfigError(
            "training.layerwiseLearningRateDecay is"
            f" {training.layerwise_learning_rate_decay}, but the model has no numbered layers",
            hint="set it to 1",
        )
    groups: dict[tuple[float, float], list[str]] = defaultdict(list)
    for name in names:
        rate = _choose_rate(name, layout, training)
        groups[rate, training.weight_decay if name in decayed else 0.0].append(name)
    # The highest rate first: that is the one that the Trainer logs.
    ordered = sorted(groups.items(), key=lambda item: (-item[0][0], -item[0][1]))
    return [Group(tuple(found), rate, decay) for (rate, decay), found in ordered]


def _choose_rate(name: str, layout: Layout, training: Training) -> float:
    rate = training.learning_rate or 0.0
    if name in layout.head:
        return training.head_learning_rate or rate
    if name in layout.embeddings:
        steps_down = layout.layer_count
    elif name in layout.layer_of:
        steps_down = layout.layer_count - 1 - layout.layer_of[name]
    else:
        steps_down = 0  # a pooler or a last norm lies above all layers
    return rate * training.layerwise_learning_rate_decay**steps_down
