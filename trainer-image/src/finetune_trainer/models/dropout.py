"""spec.model.dropout: one probability, under the name that each family of models gives it.

`models.loading` calls it before the model is built. A model without such a place is refused by
name: a regularisation that is silently not applied is worse than none. Nor is it enough that the
configuration has the attribute: GPT-2 has one for an output layer that only another task builds.
So the model is put up once without memory (on torch's meta device), to see that it listens.
"""

import copy
from collections.abc import Iterator
from typing import Any, NoReturn

from finetune_api.v1alpha1.job import FineTuneJobSpec
from finetune_api.v1alpha1.pretrained import Dropout
from finetune_trainer.errors import ConfigError

# The first group of names that a configuration has is set, all of the group.
ATTRIBUTES: dict[str, tuple[tuple[str, ...], ...]] = {
    "hidden": (
        ("hidden_dropout_prob",),
        ("hidden_dropout",),
        ("resid_pdrop", "embd_pdrop"),
        ("resid_pdrop",),
        ("dropout_rate",),
        ("dropout",),
    ),
    "attention": (
        ("attention_probs_dropout_prob",),
        ("attention_dropout",),
        ("attn_pdrop",),
        ("attention_dropout_prob",),
    ),
    "classifier": (
        ("classifier_dropout",),
        ("classifier_dropout_prob",),
        ("seq_classif_dropout",),
        ("cls_dropout",),
        ("summary_first_dropout",),
        ("summary_last_dropout",),
        ("final_dropout",),
    ),
}
_PROBE = 0.123456
"""A probability that no configuration has by chance."""


def set_dropout(spec: FineTuneJobSpec, config: Any, auto_model: Any) -> None:
    """Change the configuration of a model that is not built yet.

    Args:
        spec: the resolved spec.
        config: the configuration; changed in place.
        auto_model: the class that will build the model.

    Raises:
        ConfigError: the model has no such dropout.
    """
    dropout = spec.model.dropout
    wanted = choose_dropout(dropout, config)
    for kind in ATTRIBUTES:
        if getattr(dropout, kind) is None:
            continue
        probed = copy.deepcopy(config)
        for name, value in choose_dropout(Dropout(**{kind: _PROBE}), config).items():
            setattr(probed, name, value)
        if _PROBE not in _list_probabilities(auto_model, probed):
            _refuse(kind, dropout, config)
    for name, value in wanted.items():
        setattr(config, name, value)


def _list_probabilities(auto_model: Any, config: Any) -> Iterator[float]:
    import torch

    with torch.device("meta"):
        model = auto_model.from_config(config)
    for module in model.modules():
        for name, value in vars(module).items():
            # nn.Dropout calls it p; attention keeps the number itself.
            if isinstance(value, float) and (name == "p" or "drop" in name):
                yield value


def choose_dropout(dropout: Dropout, config: Any) -> dict[str, float]:
    """Say which attributes of a model's configuration to set.

    Args:
        dropout: spec.model.dropout.
        config: the configuration of the model, any object with attributes.

    Raises:
        ConfigError: the model has no such dropout.
    """
    chosen: dict[str, float] = {}
    for kind, groups in ATTRIBUTES.items():
        value: float | None = getattr(dropout, kind)
        if value is None:
            continue
        group = next((g for g in groups if all(hasattr(config, name) for name in g)), None)
        if group is None:
            _refuse(kind, dropout, config)
        chosen |= dict.fromkeys(group, value)
    return chosen


def _refuse(kind: str, dropout: Dropout, config: Any) -> NoReturn:
    family = getattr(config, "model_type", "")
    raise ConfigError(
        f"model.dropout.{kind} is {getattr(dropout, kind)}, but a {family} model has no {kind}"
        " dropout for this task",
        hint=f"remove model.dropout.{kind}",
    )
