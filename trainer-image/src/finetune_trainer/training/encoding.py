"""How long a text may be, and what encoding it showed about the data. Pure."""

from typing import Any

from finetune_trainer.tasks.base import Encoded

DEFAULT_TOKENS = 512
UNLIMITED_TOKENS = 10**9
TRUNCATED_SHARE = 0.2
UNKNOWN_SHARE = 0.05


def choose_max_length(wanted: int | None, tokenizer: Any, config: Any) -> int:
    """Take the least of what the job wants and what tokenizer and model can take."""
    limits = [wanted or DEFAULT_TOKENS, getattr(tokenizer, "model_max_length", UNLIMITED_TOKENS)]
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int) and positions > 0:
        # RoBERTa and its kin count positions from the padding token's number on.
        offset = config.pad_token_id + 1 if _counts_from_padding(config) else 0
        limits.append(positions - offset)
    return min(limits)


def find_encoding_warnings(train: Encoded, max_length: int) -> list[str]:
    """Say what is unwise: much that is cut, much that the vocabulary lacks."""
    warnings = []
    truncated = train.truncated / max(1, len(train))
    if truncated > TRUNCATED_SHARE:
        warnings.append(
            f"{truncated:.0%} of the training texts are cut at {max_length} tokens: raise"
            " training.maxLength if the model can take more, or shorten the texts"
        )
    unknown = train.unknown / max(1, sum(train.lengths))
    if unknown > UNKNOWN_SHARE:
        warnings.append(
            f"{unknown:.0%} of the tokens are unknown to the model's vocabulary: it was trained on"
            " other texts; choose a model of this language or domain"
        )
    return warnings


def _counts_from_padding(config: Any) -> bool:
    families = ("roberta", "camembert", "xlm-roberta", "longformer", "mpnet")
    return any(family in str(getattr(config, "model_type", "")) for family in families)
