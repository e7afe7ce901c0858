"""Reads the build of a model from the names of its parameters: embeddings, layers, head.

Pure. Freezing and layer-wise learning rates both need it. Families of models name their layers in a
dozen ways, but all of them number them: `encoder.layer.3.`, `h.3.`, `blocks.3.`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_LAYER = re.compile(r"(?:^|\.)(?:layers?|h|blocks?|block|resblocks)\.(\d+)\.")
_EMBEDDINGS = re.compile(
    r"(?:^|\.)(?:embeddings?|embed_tokens|embed_positions|word_embeddings|position_embeddings"
    r"|wte|wpe|shared|embed_in|embeddings_project|patch_embed\w*)\."
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parameters of a model are.

    Attributes:
        layer_of: the number of the layer for each parameter that is in one.
        embeddings: the parameters of the embeddings.
        head: the parameters outside the pre-trained body: the output layer.
        layer_count: how many layers there are.
    """

    layer_of: dict[str, int]
    embeddings: frozenset[str]
    head: frozenset[str]
    layer_count: int


def read_layout(names: Iterable[str], base_prefix: str) -> Layout:
    """Sort parameters by their names.

    Args:
        names: of all parameters.
        base_prefix: the attribute that holds the pre-trained body, `bert`.
    """
    body = f"{base_prefix}."
    known = list(names)
    layer_of = {
        name: int(match[1])
        for name in known
        if name.startswith(body) and (match := _LAYER.search(name))
    }
    return Layout(
        layer_of=layer_of,
        embeddings=frozenset(
            name
            for name in known
            if name.startswith(body) and name not in layer_of and _EMBEDDINGS.search(name)
        ),
        head=frozenset(name for name in known if not name.startswith(body)),
        layer_count=max(layer_of.values(), default=-1) + 1,
    )
