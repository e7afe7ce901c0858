"""Virtual tokens: PromptTuning and PrefixTuning, and what has to be put right around them.

`adapters` calls it. peft puts the tokens before the text, or their keys and values into every
layer, and leaves open ends that would train the wrong thing without an error; each of them is
closed or refused here, with the reason.
"""

from collections.abc import Mapping
from typing import Any

from finetune_api.v1alpha1.method import Method, MethodType, PromptTuning
from finetune_api.v1alpha1.tasks import TaskName
from finetune_trainer.errors import ConfigError
from finetune_trainer.models.sources import Pretrained

SHORTEST_TEXT = 8
"""Tokens that must be left of the model's positions for the text itself."""
IGNORED_LABEL = -100
PROMPT_METHODS: tuple[MethodType, ...] = ("PromptTuning", "PrefixTuning")
_ENCODERS = frozenset({"bert", "camembert", "electra", "roberta", "xlm-roberta"})
_DECODERS = frozenset({"gpt2", "llama", "mistral", "qwen2", "qwen3"})
_RELATIVE = frozenset({"mt5", "t5"})
_COUNTING = frozenset({"bart", "mbart"})
_SORTING: tuple[TaskName, ...] = ("TextClassification", "TextRegression")
_WRITING: tuple[TaskName, ...] = ("CausalLM", "InstructionTuning")
FAMILIES: Mapping[tuple[MethodType, TaskName], frozenset[str]] = {
    **{("PromptTuning", task): _ENCODERS | {"distilbert"} for task in _SORTING},
    ("PromptTuning", "TokenClassification"): _ENCODERS | _DECODERS | {"distilbert"},
    **{("PrefixTuning", task): _ENCODERS | _DECODERS for task in _SORTING},
    ("PrefixTuning", "TokenClassification"): _ENCODERS | _DECODERS,
    **{(method, task): _DECODERS for method in PROMPT_METHODS for task in _WRITING},
    ("PromptTuning", "Seq2Seq"): _RELATIVE | _COUNTING,
    ("PrefixTuning", "Seq2Seq"): _RELATIVE,
}
"""Who answers with virtual tokens as it should, measured family by family: the answers follow from
the tokens, not from the padding, and the loss has a gradient."""
_REASONS: tuple[tuple[frozenset[str], str], ...] = (
    (
        _DECODERS,
        "which takes its answer from the last token of a text and cannot find it among virtual"
        " ones",
    ),
    (_COUNTING, "whose decoder has no positions to spare for a prefix"),
    (frozenset(), "which does not read virtual tokens for this task"),
)


def count_virtual_tokens(method: Method) -> int:
    """Say how many positions the virtual tokens of a method take."""
    if method.type not in PROMPT_METHODS:
        return 0
    return (method.prompt_tuning or PromptTuning()).virtual_tokens


def check_room(method: Method, config: Any) -> None:
    """Refuse more virtual tokens than leave room for a text.

    Raises:
        ConfigError: the model has too few positions.
    """
    count = count_virtual_tokens(method)
    positions = getattr(config, "max_position_embeddings", None)
    if not count or not isinstance(positions, int) or positions <= 0:
        return
    if positions - count < SHORTEST_TEXT:
        raise ConfigError(
            f"method.promptTuning.virtualTokens is {count}, but the model has {positions} positions"
            " for them and the text together",
            hint=f"set virtualTokens to at most {max(1, positions // 2)}",
        )


def check_family(method: MethodType, task: TaskName, family: str) -> None:
    """Refuse what would fail in the first step, or train wrongly without an error.

    Args:
        method: PromptTuning or PrefixTuning.
        task: spec.task.
        family: model_type of the model.

    Raises:
        ConfigError: the family cannot do this task with virtual tokens.
    """
    known = FAMILIES[method, task]
    if family in known:
        return
    reason = next((r for families, r in _REASONS if family in families), _REASONS[-1][1])
    raise ConfigError(
        f"method.type is {method} and task is {task}, but model.source is a {family} model,"
        f" {reason}",
        hint=f"use LoRA, or a model of {', '.join(sorted(known))}",
    )


def write_initial_text(model: Any, text: str, pretrained: Pretrained) -> None:
    """Let the virtual tokens begin as the embeddings of words, repeated until all have one.

    Raises:
        ConfigError: there are more words than virtual tokens; some would be dropped in silence.
    """
    import torch

    from finetune_trainer.models.processors import load_tokenizer

    prompt = model.prompt_encoder["default"].embedding
    tokenizer = load_tokenizer(pretrained)
    tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
    count = prompt.num_embeddings
    if len(tokens) > count:
        raise ConfigError(
            f"method.promptTuning.initialText has {len(tokens)} tokens, but virtualTokens is"
            f" {count}",
            hint=f"set virtualTokens to {len(tokens)}, or shorten the text",
        )
    repeated = torch.tensor((tokens * count)[:count], device=prompt.weight.device)
    with torch.no_grad():
        prompt.weight.copy_(model.word_embeddings(repeated))


def hide_virtual_tokens(model: Any) -> None:
    """Give answers for the tokens of the text alone, as the untouched model does.

    peft leaves the answers for the virtual tokens in, and where each token has a label, it adds
    labels for them in some classes and forgets to in others.
    """
    from torch.nn import functional

    count = model.active_peft_config.num_virtual_tokens
    inner = model.get_base_model()
    if inner.config.is_encoder_decoder:  # they are in the encoder, the answers in the decoder
        return

    def add_labels(_: Any, args: Any, options: dict[str, Any]) -> Any:
        labels, embedded = options.get("labels"), options.get("inputs_embeds")
        if labels is None or embedded is None or labels.ndim != 2:
            return None
        if embedded.shape[1] - labels.shape[1] != count:
            return None
        return args, options | {"labels": functional.pad(labels, (count, 0), value=IGNORED_LABEL)}

    def drop_answers(_: Any, args: Any, options: dict[str, Any], output: Any) -> Any:
        del args
        embedded = options.get("inputs_embeds")
        if embedded is not None and output.logits.ndim == 3:
            has_all = output.logits.shape[1] == embedded.shape[1]
            output["logits"] = output.logits[:, count:] if has_all else output.logits
        return output

    inner.register_forward_pre_hook(add_labels, with_kwargs=True)
    inner.register_forward_hook(drop_answers, with_kwargs=True)
