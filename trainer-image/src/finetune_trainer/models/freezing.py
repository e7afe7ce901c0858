"""spec.method.freeze and FeatureExtraction: which parameters stay as they are.

Pure choice by name; `models.loading` applies it before the optimizer is built. What matches nothing
is an error: a run that trains what it was told to keep cannot be told from one that obeys.
"""

import difflib
from collections.abc import Iterable
from fnmatch import fnmatchcase

from finetune_api.v1alpha1.method import Freeze
from finetune_trainer.errors import ConfigError
from finetune_trainer.models.layers import Layout


def choose_frozen(freeze: Freeze, names: Iterable[str], layout: Layout) -> frozenset[str]:
    """Say which parameters to freeze.

    Raises:
        ConfigError: the model has no such layers or names, or nothing would be left to train.
    """
    known = list(names)
    frozen = set(_find_embeddings(layout)) if freeze.embeddings else set()
    frozen |= _find_lowest_layers(freeze.lowest_layers, layout)
    for pattern in freeze.modules:
        frozen |= _find_matches(pattern, known)
    if frozen >= set(known):
        raise ConfigError(
            "method.freeze keeps every weight as it is: nothing is left to train",
            hint="freeze less",
        )
    return frozenset(frozen)


def choose_body(names: Iterable[str], layout: Layout) -> frozenset[str]:
    """Say what to freeze where the output layer alone is trained.

    Raises:
        ConfigError: the model has no output layer of its own.
    """
    require_head(layout, "method.type is FeatureExtraction", "use LoRA, or freeze some layers")
    return frozenset(names) - layout.head


def require_head(layout: Layout, wish: str, hint: str) -> None:
    """Refuse to train the output layer of a model that has none.

    Args:
        layout: of the model.
        wish: the field and its value.
        hint: what to do instead.

    Raises:
        ConfigError: the embeddings are the output layer, too.
    """
    if not layout.head:
        raise ConfigError(
            f"{wish}, but the output layer of this model is not its own: it is tied to the"
            " embeddings",
            hint=hint,
        )


def _find_embeddings(layout: Layout) -> frozenset[str]:
    if not layout.embeddings:
        raise ConfigError(
            "method.freeze.embeddings is true, but no embeddings are known for this model",
            hint="name them in method.freeze.modules",
        )
    return layout.embeddings


def _find_lowest_layers(count: int, layout: Layout) -> set[str]:
    if count > layout.layer_count:
        raise ConfigError(
            f"method.freeze.lowestLayers is {count}, but the model has {layout.layer_count} layers",
            hint=f"set lowestLayers to at most {layout.layer_count}",
        )
    return {name for name, layer in layout.layer_of.items() if layer < count}


def _find_matches(pattern: str, names: list[str]) -> set[str]:
    # A module's name without a star means all that is in it.
    matches = {n for n in names if fnmatchcase(n, pattern) or n.startswith(f"{pattern}.")}
    if not matches:
        nearest = difflib.get_close_matches(pattern.replace("*", ""), names, n=1, cutoff=0.3)
        example = nearest[0] if nearest else names[0]
        raise ConfigError(
            f"method.freeze.modules: {pattern!r} matches no parameter of the model",
            hint=f"parameters are named like {example!r}",
        )
    return matches
