"""Which modules of a model get an adapter: those that the job names, else those that are usual.

Pure: names in, names out; `adapters` calls it. peft knows the usual ones of the families that have
been published with adapters; the table below adds the others that this project shows. A name that
matches nothing is an error: the rest would train without it and nobody would notice.
"""

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from finetune_trainer.errors import ConfigError

AdapterKind = Literal["LoRA", "IA3"]
MAX_NAMES_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Targets:
    """The usual modules of a family.

    Attributes:
        lora: get low-rank matrices: the projections of the attention.
        ia3: get factors.
        ia3_feedforward: those of them whose input is scaled and not the output.
    """

    lora: tuple[str, ...]
    ia3: tuple[str, ...] = ()
    ia3_feedforward: tuple[str, ...] = ()


_LIKE_BERT = Targets(("query", "value"), ("key", "value", "output.dense"), ("output.dense",))
_LIKE_BART = Targets(("q_proj", "v_proj"), ("k_proj", "v_proj", "fc2"), ("fc2",))
FAMILIES: Mapping[str, Targets] = {
    "camembert": _LIKE_BERT,
    "distilbert": Targets(("q_lin", "v_lin"), ("k_lin", "v_lin", "ffn.lin2"), ("ffn.lin2",)),
    "electra": _LIKE_BERT,
    "xlm-roberta": _LIKE_BERT,
    # The attention of XLNet has bare weights, which take no adapter: its feed-forward layers do.
    "xlnet": Targets(("layer_1", "layer_2"), ("layer_2",), ("layer_2",)),
    "vit": Targets(("q_proj", "v_proj"), ("k_proj", "v_proj", "fc2"), ("fc2",)),
    "detr": _LIKE_BART,
    "wav2vec2": Targets(
        ("q_proj", "v_proj"), ("k_proj", "v_proj", "output_dense"), ("output_dense",)
    ),
    "whisper": _LIKE_BART,
}


def choose_targets(
    wanted: Sequence[str], usual: Sequence[str], names: Collection[str], family: str
) -> list[str]:
    """Say which modules get an adapter.

    Args:
        wanted: method.lora.targetModules; empty takes the usual ones.
        usual: those of the family; empty where it is not known.
        names: all modules that can have an adapter.
        family: model_type, for messages.

    Raises:
        ConfigError: a name matches nothing, or none is given and none is known.
    """
    for target in wanted:
        if not any(_matches(name, target) for name in names):
            raise ConfigError(
                f"method.lora.targetModules: {target!r} is no linear layer of this {family} model",
                hint=f"did you mean {_find_nearest(target, names)!r}? It has {_list(names)}",
            )
    if wanted:
        return list(wanted)
    if not usual or not all(any(_matches(n, target) for n in names) for target in usual):
        raise ConfigError(
            f"it is not known which layers of a {family} model take an adapter",
            hint=f"set method.type to LoRA and method.lora.targetModules to some of {_list(names)}",
        )
    return list(usual)


def _matches(name: str, target: str) -> bool:
    return name == target or name.endswith(f".{target}")


def _find_nearest(target: str, names: Collection[str]) -> str:
    last = _list_endings(names)
    return next(iter(difflib.get_close_matches(target, last, n=1, cutoff=0)), "")


def _list_endings(names: Collection[str]) -> list[str]:
    endings: dict[str, None] = {}
    for name in names:
        parts = name.split(".")
        # `attention.self.query` is known by its last word, `blocks.0.3` by all of it.
        endings[parts[-1] if not parts[-1].isdigit() else name] = None
    return list(endings)


def _list(names: Collection[str]) -> str:
    endings = _list_endings(names)
    shown = ", ".join(endings[:MAX_NAMES_SHOWN]) or "none that can have one"
    return shown if len(endings) <= MAX_NAMES_SHOWN else f"{shown}, …"
