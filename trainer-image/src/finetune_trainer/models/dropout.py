"""spec.model.dropout: one probability, under the name that each family of models gives it.

`models.loading` calls it before the model is built. A model without such a place is refused by
name: a regularisation that is silently not applied is worse than none.
"""

from typing import Any

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
            raise ConfigError(
                f"model.dropout.{kind} is {value}, but a {getattr(config, 'model_type', '')} model"
                f" has no {kind} dropout",
                hint=f"remove model.dropout.{kind}",
            )
        chosen |= dict.fromkeys(group, value)
    return chosen
