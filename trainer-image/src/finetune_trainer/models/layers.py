"""Reads the build of a model from the names of its parameters: embeddings, layers, output layer.

Pure. Freezing, gradual unfreezing and layer-wise learning rates all need it. Families of models
name their layers in a dozen ways, but all of them number them: `encoder.layer.3.`, `h.3.`,
`decoder.block.3.`, `stages.3.`, `layer3.`; and all of them list their parameters from the input
upwards, which tells where the rest belongs.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from finetune_trainer.errors import ConfigError

_LAYER = re.compile(
    r"^(?P<stack>(?:.*?\.)?(?:layers?|h|blocks?|stages?|resblocks))\.?(?P<number>\d+)\."
)
# Embeddings that are listed after a layer: those of a decoder come after the encoder.
_EMBEDDINGS = re.compile(
    r"(?:^|\.)(?:embeddings?|embed_tokens|embed_positions|word_embeddings?|position_embeddings?"
    r"|wte|wpe|shared|embed_in|layernorm_embedding)\."
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parameters of a model are.

    Attributes:
        layer_of: the number of the layer for each parameter that is in one, from the input to the
            output: the layers of a decoder go on where those of the encoder end.
        level_of: how high each parameter of the body is: 0 for embeddings, n for layer n - 1 and
            for what comes between it and the next, such as a norm.
        embeddings: the parameters that come before the first layer.
        head: the parameters of the output layer.
        layer_count: how many layers there are.
    """

    layer_of: Mapping[str, int]
    level_of: Mapping[str, int]
    embeddings: frozenset[str]
    head: frozenset[str]
    layer_count: int

    def require_layers(self, wish: str) -> None:
        """Refuse what needs layers where none are known.

        Args:
            wish: the field and its value.

        Raises:
            ConfigError: the model has no numbered layers.
        """
        if not self.layer_count:
            raise ConfigError(
                f"{wish}, but the model has no numbered layers",
                hint="name modules in method.freeze.modules, or leave it out",
            )


def read_layout(
    names: Iterable[str], head: Collection[str], numbers: Mapping[str, int] | None = None
) -> Layout:
    """Sort parameters by their names.

    Args:
        names: of all parameters, from the input to the output.
        head: those of the output layer.
        numbers: the layer of each parameter that is in one, for a model that knows its layers
            itself; None reads them from the names.
    """
    known = list(names)
    body = [name for name in known if name not in head]
    layer_of = _number_layers(body) if numbers is None else dict(numbers)
    level_of: dict[str, int] = {}
    level = 0
    for name in body:
        if name in layer_of:
            level = level_of[name] = layer_of[name] + 1
        else:
            level_of[name] = 0 if _EMBEDDINGS.search(name) else level
    # Without layers nothing tells the input from the rest, unless its name does.
    is_input = (lambda name: level_of[name] == 0) if layer_of else _EMBEDDINGS.search
    return Layout(
        layer_of=layer_of,
        level_of=level_of,
        embeddings=frozenset(name for name in body if name not in layer_of and is_input(name)),
        head=frozenset(name for name in known if name in head),
        layer_count=len(set(layer_of.values())),
    )


def _number_layers(names: Iterable[str]) -> dict[str, int]:
    """Count the layers through all stacks, each in the order of its numbers."""
    found = {name: (m["stack"], int(m["number"])) for name in names if (m := _LAYER.match(name))}
    stacks: dict[str, set[int]] = {}
    for stack, number in found.values():
        stacks.setdefault(stack, set()).add(number)
    ordered = [(stack, number) for stack, own in stacks.items() for number in sorted(own)]
    place = {layer: position for position, layer in enumerate(ordered)}
    return {name: place[layer] for name, layer in found.items()}
