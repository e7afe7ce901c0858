"""Who runs. A new contestant is a module with a function `run`, and a line here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Contestant:
    """One of those who are compared.

    Attributes:
        title: what to call it in a table.
        module: here; its `run` takes an order and the options.
        options: what tells it from others of the same module.
    """

    title: str
    module: str
    options: Mapping[str, Any] = field(default_factory=dict)


CONTESTANTS: dict[str, Contestant] = {
    "max_length": Contestant(
        'the guides\' padding="max_length"', "hugging_face", {"padding": "max_length"}
    ),
    "padding_true": Contestant("the guides' padding=True", "hugging_face", {"padding": True}),
    "dynamic": Contestant("plain Trainer, dynamic padding", "hugging_face", {"padding": False}),
    "ours": Contestant("ours", "ours"),
    "bare_loop": Contestant("bare loop, every optimisation", "bare_loop"),
    "imports": Contestant("imports and model load alone", "imports"),
}
