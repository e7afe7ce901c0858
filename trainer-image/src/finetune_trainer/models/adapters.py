"""LoRA, QLoRA, IA3, PromptTuning and PrefixTuning through peft: a few weights beside the model.

`loading` attaches one to a model that is loaded already, `adapter_files` keeps it. What the model
cannot answer yet, a new output layer above all, is trained and kept with the adapter: without it
the adapter would be of no use to anybody. peft's own ways of saving and loading are not used: they
ask the hub, write a README and read pickles.
"""

import importlib.util
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import peft
import torch
from peft.utils import constants
from torch import nn
from transformers.pytorch_utils import Conv1D

from finetune_api.v1alpha1.job import FineTuneJobSpec
from finetune_api.v1alpha1.method import Lora, MethodType, PromptTuning
from finetune_api.v1alpha1.tasks import TaskName
from finetune_trainer.errors import ConfigError
from finetune_trainer.models import prompts
from finetune_trainer.models.adapter_targets import FAMILIES, Targets, choose_targets
from finetune_trainer.models.layers import Layout
from finetune_trainer.models.sources import Pretrained

ADAPTABLE = (nn.Linear, nn.Conv2d, nn.Embedding, Conv1D)
NAME = "default"
TASK_TYPES: Mapping[TaskName, peft.TaskType] = {
    "TextClassification": peft.TaskType.SEQ_CLS,
    "TextRegression": peft.TaskType.SEQ_CLS,
    "TokenClassification": peft.TaskType.TOKEN_CLS,
    "QuestionAnswering": peft.TaskType.QUESTION_ANS,
    "Seq2Seq": peft.TaskType.SEQ_2_SEQ_LM,
    "CausalLM": peft.TaskType.CAUSAL_LM,
    "InstructionTuning": peft.TaskType.CAUSAL_LM,
}
"""What peft knows the tasks by; the others do without."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an adapter is made from.

    Attributes:
        model: the model as it was loaded.
        spec: the resolved spec.
        learned: modules that are trained whole and kept with the adapter.
    """

    model: Any
    spec: FineTuneJobSpec
    learned: tuple[str, ...]

    @property
    def options(self) -> dict[str, Any]:
        """What every adapter is told."""
        return {
            "task_type": TASK_TYPES.get(self.spec.task),
            "modules_to_save": list(self.learned) or None,
        }


def check_quantization(spec: FineTuneJobSpec) -> None:
    """Refuse four bits where they cannot be had, before anything is loaded.

    Raises:
        ConfigError: there is no GPU of CUDA, or the image lacks bitsandbytes.
    """
    if spec.method.type != "QLoRA":
        return
    if not torch.cuda.is_available():
        raise ConfigError(
            "method.type is QLoRA, but there is no CUDA GPU: a model in four bits needs one",
            hint="use LoRA, or run it on a node with a GPU",
        )
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ConfigError(
            "method.type is QLoRA, but the trainer image has no bitsandbytes",
            hint="use the trainer image for GPUs, or LoRA",
        )


def describe_quantization(spec: FineTuneJobSpec, local_rank: int = 0) -> dict[str, Any]:
    """Give what loads a model in four bits; nothing for the other methods.

    Args:
        spec: the resolved spec.
        local_rank: of this process in its pod, and so the number of its GPU.
    """
    if spec.method.type != "QLoRA":
        return {}
    from transformers import BitsAndBytesConfig

    four_bits = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return {"quantization_config": four_bits, "device_map": {"": local_rank}}


def attach_adapter(
    model: Any, spec: FineTuneJobSpec, learned: Collection[str], pretrained: Pretrained
) -> Any:
    """Put an adapter around a model; nothing of the model itself is trained any more.

    Args:
        model: as it was loaded.
        spec: the resolved spec.
        learned: the parameters that knew nothing before, and the output layer.
        pretrained: where the model comes from.

    Raises:
        ConfigError: the model cannot have such an adapter.
    """
    recipe = Recipe(model, spec, tuple(find_modules(model, learned)))
    if spec.method.type == "QLoRA":
        model = peft.prepare_model_for_kbit_training(  # type: ignore[no-untyped-call]
            model, use_gradient_checkpointing=spec.training.gradient_checkpointing
        )
    settings = CONFIGS[spec.method.type](recipe)
    with warnings.catch_warnings():
        # peft asks by a name that transformers is about to drop; it works until then.
        warnings.simplefilter("ignore", FutureWarning)
        adapted = peft.get_peft_model(model, settings)
    config = adapted.peft_config[NAME]
    # As the user wrote it: a path of this pod means nothing to whoever loads the adapter.
    config.base_model_name_or_path = pretrained.source.removeprefix("hf://")
    config.revision = pretrained.revision if pretrained.source.startswith("hf://") else None
    if config.is_prompt_learning:
        prompts.hide_virtual_tokens(adapted)
        text = spec.method.prompt_tuning and spec.method.prompt_tuning.initial_text
        if text:
            prompts.write_initial_text(adapted, text, pretrained)
    return adapted


@contextmanager
def without_adapter(model: Any) -> Iterator[None]:
    """Let a model answer as it did before it was given an adapter."""
    if not model.active_peft_config.is_prompt_learning:
        with model.disable_adapter():
            yield
        return
    # peft's own way fails for models that cannot write texts, and it swaps `forward`, which the
    # Trainer may have wrapped by then. Without virtual tokens in its settings nothing adds any.
    kept = model.peft_config[NAME]
    model.peft_config[NAME] = peft.PeftConfig(task_type=kept.task_type)
    try:
        yield
    finally:
        model.peft_config[NAME] = kept


def find_modules(model: Any, names: Collection[str]) -> list[str]:
    """Name the largest modules all of whose parameters are among those named."""
    wanted = {id(p) for name, p in model.named_parameters() if name in names}
    found: list[str] = []
    for name, module in model.named_modules():
        if any(name.startswith(f"{outer}.") for outer in found):
            continue
        own = {id(p) for p in module.parameters()}
        if name and own and own <= wanted:
            found.append(name)
    return found


def rename_layout(model: Any, layout: Layout) -> Layout:
    """Say where the parameters of an adapter are: each at the place of the module that it changes.

    Virtual tokens belong to no place of the model.
    """
    level_of: dict[str, int] = {}
    head: set[str] = set()
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        module = _strip_names(name)
        if any(own.startswith(f"{module}.") or own == module for own in layout.head):
            head.add(name)
            continue
        levels = [level for own, level in layout.level_of.items() if own.startswith(f"{module}.")]
        level_of[name] = max(levels, default=0)
    is_prompt = model.active_peft_config.is_prompt_learning
    return replace(
        layout,
        layer_of={},
        level_of=level_of,
        embeddings=frozenset(),
        head=frozenset(head),
        layer_count=0 if is_prompt else layout.layer_count,
    )


def _strip_names(name: str) -> str:
    """Give the name of the module that a parameter of peft belongs to."""
    plain = name.removeprefix("base_model.").removeprefix("model.")
    for mark in (".modules_to_save.", ".lora_", ".ia3_"):
        plain = plain.partition(mark)[0]
    return plain


def _configure_lora(recipe: Recipe) -> peft.PeftConfig:
    lora = recipe.spec.method.lora or Lora()
    targets = choose_targets(
        lora.target_modules, _know_targets(recipe.model).lora, *_list_adaptable(recipe)
    )
    return peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # any number; peft divides by it
        lora_dropout=lora.dropout,
        target_modules=targets,
        fan_in_fan_out=_is_transposed(recipe.model, targets),
        **recipe.options,
    )


def _configure_ia3(recipe: Recipe) -> peft.PeftConfig:
    usual = _know_targets(recipe.model)
    targets = choose_targets((), usual.ia3, *_list_adaptable(recipe))
    return peft.IA3Config(
        target_modules=targets,
        feedforward_modules=list(usual.ia3_feedforward),
        fan_in_fan_out=_is_transposed(recipe.model, targets),
        **recipe.options,
    )


def _configure_prompt(recipe: Recipe) -> peft.PeftConfig:
    prompts.check_family("PromptTuning", recipe.spec.task, recipe.model.config.model_type)
    wanted = recipe.spec.method.prompt_tuning or PromptTuning()
    return peft.PromptTuningConfig(
        num_virtual_tokens=wanted.virtual_tokens,
        # Words of the vocabulary are where the model expects embeddings to be; random numbers are
        # many times as long and take most of a short training to come down.
        prompt_tuning_init=peft.PromptTuningInit.SAMPLE_VOCAB,
        num_transformer_submodules=1,
        **_measure(recipe),
        **recipe.options,
    )


def _configure_prefix(recipe: Recipe) -> peft.PeftConfig:
    prompts.check_family("PrefixTuning", recipe.spec.task, recipe.model.config.model_type)
    wanted = recipe.spec.method.prompt_tuning or PromptTuning()
    return peft.PrefixTuningConfig(
        num_virtual_tokens=wanted.virtual_tokens, **_measure(recipe), **recipe.options
    )


CONFIGS: Mapping[MethodType, Callable[[Recipe], peft.PeftConfig]] = {
    "LoRA": _configure_lora,
    "QLoRA": _configure_lora,
    "IA3": _configure_ia3,
    "PromptTuning": _configure_prompt,
    "PrefixTuning": _configure_prefix,
}


def _measure(recipe: Recipe) -> dict[str, Any]:
    """Give peft the sizes of a model, which it knows of the names of some families only."""
    config = recipe.model.config
    return {
        "num_layers": config.num_hidden_layers,
        "num_attention_heads": config.num_attention_heads,
        "token_dim": config.hidden_size,
    }


def _know_targets(model: Any) -> Targets:
    family = model.config.model_type
    if family in FAMILIES:
        return FAMILIES[family]
    lora = constants.TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING.get(family, ())
    return Targets(
        () if isinstance(lora, str) else tuple(lora),
        tuple(constants.TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING.get(family, ())),
        tuple(constants.TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING.get(family, ())),
    )


def _list_adaptable(recipe: Recipe) -> tuple[list[str], str]:
    """Name the modules that can have an adapter, and the family."""
    names = [
        name
        for name, module in recipe.model.named_modules()
        if isinstance(module, ADAPTABLE)
        and not any(name == own or name.startswith(f"{own}.") for own in recipe.learned)
    ]
    return names, recipe.model.config.model_type


def _is_transposed(model: Any, targets: Collection[str]) -> bool:
    """Tell whether the modules keep their weights as GPT-2 does."""
    chosen = (m for n, m in model.named_modules() if n.endswith(tuple(targets)))
    return any(isinstance(module, Conv1D) for module in chosen)
