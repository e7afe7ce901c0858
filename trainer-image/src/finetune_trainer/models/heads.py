"""Finds the output layer of a model, and what a timm model knows about its own layers.

`loading` calls it. Most families keep the pre-trained body under one attribute; what is beside it
is the output layer. The exceptions are here: T5 has no such attribute, a timm model is one
piece, output layer included, and some detectors keep theirs in the body. Needs a model, though not
torch itself.
"""

import re
from typing import Any

_INSIDE_THE_BODY = re.compile(
    r"(?:^|\.)(?:class_embed|bbox_embed|enc_score_head|enc_bbox_head|denoising_class_embed)\."
)
"""The output layers of detectors like RT-DETR, whose decoder looks at its own answers."""


def find_head(model: Any) -> frozenset[str]:
    """Name the parameters of the output layer; none where it is tied to the embeddings."""
    body = model.base_model
    outputs = [model.get_output_embeddings()]
    timm_model = getattr(model, "timm_model", None)
    if timm_model is not None:
        outputs.append(timm_model.get_classifier())
    inside = set() if body is model else {id(p) for p in body.parameters()}
    own = {id(p) for module in outputs if module is not None for p in module.parameters()}
    own -= {id(p) for p in _input_parameters(model)}
    is_apart = body is not model and timm_model is None
    return frozenset(
        name
        for name, p in model.named_parameters()
        if id(p) in own or (is_apart and id(p) not in inside) or _INSIDE_THE_BODY.search(name)
    )


def _input_parameters(model: Any) -> list[Any]:
    try:
        embeddings = model.get_input_embeddings()
    except NotImplementedError:  # a model of images has none
        return []
    return [] if embeddings is None else list(embeddings.parameters())


def number_timm_layers(model: Any) -> dict[str, int] | None:
    """Ask a timm model for its layers; None for a model of another kind.

    Its families number their layers in too many ways to read them from the names, but timm knows
    each of them: stem first, then the layers, and last what is on top.
    """
    timm_model: Any = getattr(model, "timm_model", None)
    if not hasattr(timm_model, "group_matcher"):
        return None
    from timm.models import group_parameters

    matcher = timm_model.group_matcher(coarse=True)
    groups: dict[str, int] = group_parameters(timm_model, matcher, reverse=True)
    top = max(groups.values())
    return {f"timm_model.{name}": n - 1 for name, n in groups.items() if 0 < n < top}
