"""How long a text may be, and what encoding it showed about the data. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from finetune_trainer.data.domains import UNKNOWN_SHARE_BAR, Domain
from finetune_trainer.tasks.base import Encoded

DEFAULT_TOKENS = 512
UNLIMITED_TOKENS = 10**9
TRUNCATED_SHARE = 0.2
PADDED_SHARE = 0.5


def choose_max_length(
    wanted: int | None, tokenizer: Any, config: Any, virtual_tokens: int = 0
) -> int:
    """Take the least of what the job wants and what tokenizer and model can take.

    Args:
        wanted: training.maxLength.
        tokenizer: knows what the model was trained with.
        config: of the model.
        virtual_tokens: positions that something else takes.
    """
    limits = [wanted or DEFAULT_TOKENS, getattr(tokenizer, "model_max_length", UNLIMITED_TOKENS)]
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int) and positions > 0:
        # RoBERTa and its kin count positions from the padding token's number on.
        offset = config.pad_token_id + 1 if _counts_from_padding(config) else 0
        limits.append(positions - offset - virtual_tokens)
    return min(limits)


@dataclass(frozen=True, slots=True)
class EncodingFacts:
    """What the rules look at.

    Attributes:
        train: the training rows, encoded.
        rows: how many they are; packs and windows are fewer or more.
        max_length: tokens per text, at most.
        domain: how the tokenizer cuts the texts; None where there are none.
    """

    train: Encoded
    rows: int
    max_length: int
    domain: Domain | None = None


Lint = Callable[[EncodingFacts], str | None]


def warn_of_much_that_is_cut(facts: EncodingFacts) -> str | None:
    """What is cut off is not learned from."""
    share = facts.train.truncated / max(1, facts.rows)
    if share <= TRUNCATED_SHARE:
        return None
    return (
        f"{share:.0%} of the training texts are cut at {facts.max_length} tokens: raise"
        " training.maxLength if the model can take more, or shorten the texts"
    )


def warn_of_unknown_tokens(facts: EncodingFacts) -> str | None:
    """All unknown tokens look alike to the model."""
    share = facts.train.unknown / max(1, sum(facts.train.lengths))
    if share <= UNKNOWN_SHARE_BAR:
        return None
    return (
        f"{share:.0%} of the tokens are unknown to the model's vocabulary: it was trained on"
        " other texts; choose a model of this language or domain"
    )


def warn_of_a_strange_domain(facts: EncodingFacts) -> str | None:
    """Words in many pieces are words that the model has hardly seen."""
    domain = facts.domain
    if domain is None or (domain.tokens_per_word or 0) <= domain.tokens_per_word_bar:
        return None
    return (
        f"the tokenizer makes {domain.tokens_per_word:.1f} tokens of a word: the model was trained"
        " on other texts; choose one of this language or domain, or train it on such texts first,"
        " with task MaskedLM or CausalLM"
    )


ENCODING_LINTS: tuple[Lint, ...] = (
    warn_of_much_that_is_cut,
    warn_of_unknown_tokens,
    warn_of_a_strange_domain,
)


def find_encoding_warnings(facts: EncodingFacts) -> list[str]:
    """Ask every rule."""
    return [warning for lint in ENCODING_LINTS if (warning := lint(facts)) is not None]


def find_padding_warnings(share: float) -> list[str]:
    """Say that most of the work is done on padding."""
    if share <= PADDED_SHARE:
        return []
    return [
        f"{share:.0%} of what the model reads is padding: a few rows are far longer than the"
        " others; lower training.maxLength or training.batchSize"
    ]


def _counts_from_padding(config: Any) -> bool:
    families = ("roberta", "camembert", "xlm-roberta", "longformer", "mpnet")
    return any(family in str(getattr(config, "model_type", "")) for family in families)
