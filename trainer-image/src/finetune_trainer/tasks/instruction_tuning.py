"""Answer instructions and chats; the loss counts the answers only.

Row: {"messages": [{"role": "user", "content": "Who wrote Emma?"},
                   {"role": "assistant", "content": "Jane Austen."}]}
Or, where dataset.columns names both: {"prompt": "Who wrote Emma?", "completion": "Jane Austen."}
"""

from collections.abc import Iterator, Sequence
from typing import Any

from finetune_api.v1alpha1.dataset import Dataset
from finetune_trainer.data.columns import Column
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.kinds.chats import ANSWERING
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.tables import Part
from finetune_trainer.errors import ConfigError
from finetune_trainer.evaluation.likelihoods import score_likelihoods
from finetune_trainer.tasks.base import Encoded, EncodeSettings, Judged, Scores, Task
from finetune_trainer.tasks.chats import (
    Message,
    UnwritableChatError,
    Written,
    provide_template,
    write_chat,
)
from finetune_trainer.tasks.continuations import (
    PROBES,
    answer,
    build_collator,
    describe,
    make_feature,
)
from finetune_trainer.tasks.encoding import TEXTS_PER_PORTION
from finetune_trainer.tasks.packing import pack_rows
from finetune_trainer.tasks.sifting import sift_rows


def find_needs(dataset: Dataset) -> Needs:
    """Ask for a chat, or for a prompt and its completion."""
    if dataset.columns.prompt is None:
        return Needs(columns=(Column("messages", Kind.MESSAGES),), identity=("messages",))
    return Needs(
        columns=(Column("prompt", Kind.TEXT), Column("completion", Kind.TEXT)),
        identity=("prompt",),
    )


def encode_rows(part: Part, tokenizer: Any, settings: EncodeSettings) -> Encoded:
    """Write each chat down by the template of the tokenizer, and tokenize it.

    Returns:
        input_ids, and labels that are -100 outside of the answers; for probes input_ids alone, up
        to where the answer begins; of the training part, where training packs, several chats in
        each feature.
    """
    _check_tokenizer(tokenizer)
    warning = provide_template(tokenizer)
    if part.name == PROBES:
        return _encode_probes(part.column("prompt"), tokenizer, settings.max_length)
    chats = _read_chats(part)
    reasons: dict[int, str] = {}
    written = list(_write_chats(chats, tokenizer, reasons))
    features, truncated = _tokenize(written, tokenizer, settings.max_length)
    for position, feature in features.items():
        if not (feature["labels"] != -100).any():
            reasons[position] = (
                f"no token of an answer within the first {settings.max_length} tokens"
            )
    sifted = sift_rows(
        part,
        reasons,
        settings.spec.dataset.on_bad_row,
        "raise training.maxLength, shorten the chat, or remove the row",
    )
    kept = [features[position] for position in sifted.kept]
    encoded = Encoded(
        kept,
        [len(row["input_ids"]) for row in kept],
        truncated,
        _count_unknown(kept, tokenizer.unk_token_id),
        rows=sifted.kept if reasons else None,
        warnings=(*([warning] if warning else []), *sifted.warnings),
    )
    if settings.is_training and settings.spec.training.packing:
        return pack_rows(encoded, settings.max_length)
    return encoded


def measure(judged: Judged) -> Scores:
    """Give perplexity, loss and the share of tokens that were foretold, of the answers only."""
    return score_likelihoods(judged.answers)


def _check_tokenizer(tokenizer: Any) -> None:
    hint = "set model.tokenizerSource to a tokenizer that has"
    if tokenizer.eos_token_id is None:
        raise ConfigError(
            "the tokenizer has no end-of-text token, so the model could not learn where an answer"
            " ends",
            hint=f"{hint} one",
        )
    if not tokenizer.is_fast:
        raise ConfigError(
            "the tokenizer cannot say which characters a token stands for, so answers cannot be"
            " told from prompts",
            hint=f"{hint} a tokenizer.json",
        )


def _read_chats(part: Part) -> list[list[Message]]:
    if part.has("messages"):
        return part.column("messages")
    pairs = zip(part.column("prompt"), part.column("completion"), strict=True)
    return [_ask(prompt, completion) for prompt, completion in pairs]


def _ask(prompt: str, completion: str) -> list[Message]:
    return [{"role": "user", "content": prompt}, {"role": ANSWERING, "content": completion}]


def _write_chats(
    chats: Sequence[Sequence[Message]], tokenizer: Any, reasons: dict[int, str]
) -> Iterator[tuple[int, Written]]:
    """Write the chats down; what cannot be is noted in `reasons`."""
    for position, chat in enumerate(chats):
        try:
            yield position, write_chat(chat, tokenizer)
        except UnwritableChatError as error:
            reasons[position] = f"a chat that cannot be written down: {error}"


def _tokenize(
    chats: Sequence[tuple[int, Written]], tokenizer: Any, max_length: int
) -> tuple[dict[int, dict[str, Any]], int]:
    """Give the feature of each chat by its position, and how many were cut."""
    features: dict[int, dict[str, Any]] = {}
    truncated = 0
    for start in range(0, len(chats), TEXTS_PER_PORTION):
        portion = chats[start : start + TEXTS_PER_PORTION]
        batch = tokenizer(
            [written.text for _, written in portion],
            add_special_tokens=False,
            return_offsets_mapping=True,
            return_attention_mask=False,
        )
        for row, (position, written) in enumerate(portion):
            tokens, offsets = batch["input_ids"][row], batch["offset_mapping"][row]
            feature = _build_feature(tokens, offsets, written, tokenizer.eos_token_id)
            truncated += len(feature["input_ids"]) > max_length
            features[position] = {name: row[:max_length] for name, row in feature.items()}
    return features, truncated


def _build_feature(
    tokens: list[int], offsets: list[tuple[int, int]], written: Written, end: int
) -> dict[str, Any]:
    """Count the tokens that hold a character of an answer, and end the last one."""
    import numpy as np

    begins, ends = np.asarray(offsets, dtype=np.int64).reshape(-1, 2).T
    counted = np.zeros(len(tokens), dtype=bool)
    for start, stop in written.answers:
        counted |= (begins < stop) & (ends > start)
    if not written.has_end:
        last = int(np.flatnonzero(counted)[-1]) + 1 if counted.any() else len(tokens)
        tokens, counted = [*tokens[:last], end], np.append(counted[:last], True)
    return make_feature(np.asarray(tokens, dtype=np.int32), counted)


def _encode_probes(prompts: Sequence[str], tokenizer: Any, max_length: int) -> Encoded:
    """Write each prompt down as far as the answer; of a long one the beginning is cut."""
    import numpy as np

    texts = [write_chat(_ask(prompt, "?"), tokenizer).prompt for prompt in prompts]
    rows = tokenizer(texts, add_special_tokens=False, return_attention_mask=False)["input_ids"]
    kept = [np.asarray(row[-max_length:], dtype=np.int32) for row in rows]
    return Encoded([{"input_ids": row} for row in kept], [len(row) for row in kept])


def _count_unknown(rows: Sequence[dict[str, Any]], unknown: int | None) -> int:
    if unknown is None:
        return 0
    return sum(int((row["input_ids"] == unknown).sum()) for row in rows)


INSTRUCTION_TUNING = Task(
    name="InstructionTuning",
    processor="Tokenizer",
    find_needs=find_needs,
    auto_model="AutoModelForCausalLM",
    encode=encode_rows,
    build_collator=build_collator,
    measure=measure,
    measure_baseline=None,
    describe=describe,
    answer=answer,
    probe_role="prompt",
    loss_spans_batches=True,
)
