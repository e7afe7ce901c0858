"""What is trained: a table. On two cores a whole run of it ends within half an hour."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from trainer_bench import materials
from trainer_bench.orders import Recipe

ALL_SEEDS = 3


@dataclass(frozen=True, slots=True)
class Workload:
    """One thing to train.

    Attributes:
        title: what to call it.
        recipe: the same for all.
        prepare: makes the data, once.
        contestants: who trains it, in turn.
        steps: contestants that are only measured for so many steps; a whole run would take hours.
        seeds: how many of the seeds are run.
    """

    title: str
    recipe: Recipe
    prepare: Callable[[Path], None]
    contestants: tuple[str, ...]
    steps: Mapping[str, int] = field(default_factory=dict)
    seeds: int = ALL_SEEDS


WORKLOADS: dict[str, Workload] = {
    "start": Workload(
        title="start-up, MiniLM-L6",
        recipe=Recipe("TextClassification", 1, 16, 5e-5, max_steps=1),
        prepare=materials.make_short_texts,
        contestants=("imports", "ours"),
    ),
    "short": Workload(
        title="film reviews of 27 tokens, MiniLM-L6",
        recipe=Recipe("TextClassification", epochs=3, batch_size=16, learning_rate=5e-5),
        prepare=materials.make_short_texts,
        contestants=("padding_true", "ours", "bare_loop", "dynamic", "max_length"),
        steps={"max_length": 4},
    ),
    "long": Workload(
        title="texts of 512 tokens, MiniLM-L6",
        recipe=Recipe("TextClassification", 1, 16, 5e-5, max_steps=6),
        prepare=materials.make_long_texts,
        contestants=("padding_true", "ours", "bare_loop"),
        seeds=2,
    ),
    "lora": Workload(
        title="LoRA on film reviews, MiniLM-L6",
        recipe=Recipe("TextClassification", 1, 16, 1e-3, uses_lora=True),
        prepare=materials.make_short_texts,
        contestants=("dynamic", "ours"),
        seeds=1,
    ),
    "words": Workload(
        title="CausalLM on film reviews, a GPT-2 of 3 layers",
        recipe=Recipe("CausalLM", epochs=1, batch_size=16, learning_rate=2e-3),
        prepare=materials.make_texts,
        contestants=("dynamic", "ours"),
        seeds=1,
    ),
    "images": Workload(
        title="ImageClassification of digits, a small ResNet",
        recipe=Recipe("ImageClassification", epochs=2, batch_size=16, learning_rate=3e-3),
        prepare=materials.make_images,
        contestants=("dynamic", "ours"),
        seeds=1,
    ),
}
