"""Tiny models of other families than BERT, each with the tokenizer of its own kind.

They differ where a trainer can go wrong: how texts are cut into pieces, the side and the token of
the padding, the place of the token that stands for the whole, the count of positions.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainer_models import MAX_POSITIONS, WORDS, make_tiny_bert

HIDDEN = 32
LAYERS = 2
HEADS = 2


def make_tiny_distilbert(folder: Path) -> Path:
    """Write a DistilBERT: no segments, layers named `transformer.layer`."""
    from transformers import AutoTokenizer, DistilBertConfig, DistilBertModel, DistilBertTokenizer

    vocabulary = AutoTokenizer.from_pretrained(make_tiny_bert(folder)).get_vocab()
    config = DistilBertConfig(
        vocab_size=len(vocabulary),
        dim=HIDDEN,
        n_layers=LAYERS,
        n_heads=HEADS,
        hidden_dim=2 * HIDDEN,
        max_position_embeddings=MAX_POSITIONS,
    )
    tokenizer = DistilBertTokenizer(vocab=vocabulary, model_max_length=MAX_POSITIONS)
    return _save(folder, DistilBertModel, config, tokenizer)


def make_tiny_roberta(folder: Path) -> Path:
    """Write a RoBERTa: pieces of bytes, positions that count from the padding token on."""
    from transformers import RobertaConfig, RobertaModel, RobertaTokenizer

    pieces, merges = _list_byte_pieces("<s>", "<pad>", "</s>", "<unk>", "<mask>")
    config = RobertaConfig(
        vocab_size=len(pieces),
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=2 * HIDDEN,
        max_position_embeddings=MAX_POSITIONS + 2,
        type_vocab_size=1,
    )
    return _save(folder, RobertaModel, config, RobertaTokenizer(vocab=pieces, merges=merges))


def make_tiny_gpt2(folder: Path) -> Path:
    """Write a GPT-2: it reads from left to right and has no token to pad with."""
    from transformers import GPT2Config, GPT2Model, GPT2Tokenizer

    pieces, merges = _list_byte_pieces("<|endoftext|>")
    config = GPT2Config(
        vocab_size=len(pieces),
        n_embd=HIDDEN,
        n_layer=LAYERS,
        n_head=HEADS,
        n_positions=MAX_POSITIONS,
        bos_token_id=0,
        eos_token_id=0,
    )
    return _save(folder, GPT2Model, config, GPT2Tokenizer(vocab=pieces, merges=merges))


def make_tiny_xlnet(folder: Path) -> Path:
    """Write an XLNet: it pads at the left, and its token for the whole is the last one."""
    from transformers import XLNetConfig, XLNetModel, XLNetTokenizer

    special = ["<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"]
    signs = ["▁", *map(chr, range(ord("a"), ord("z") + 1)), *"0123456789.,!"]
    # A whole word is far likelier than its letters.
    pieces = [(sign, -9.0) for sign in [*special, *signs]] + [(f"▁{word}", -2.0) for word in WORDS]
    config = XLNetConfig(
        vocab_size=len(pieces),
        d_model=HIDDEN,
        n_layer=LAYERS,
        n_head=HEADS,
        d_inner=2 * HIDDEN,
        pad_token_id=special.index("<pad>"),
    )
    return _save(folder, XLNetModel, config, XLNetTokenizer(vocab=pieces))


FAMILIES: dict[str, Callable[[Path], Path]] = {
    "BERT": make_tiny_bert,
    "RoBERTa": make_tiny_roberta,
    "DistilBERT": make_tiny_distilbert,
    "XLNet": make_tiny_xlnet,
    "GPT-2": make_tiny_gpt2,
}
"""The families of encoders, and GPT-2, which reads as one."""


def _list_byte_pieces(*special: str) -> tuple[dict[str, int], Any]:
    """Give pieces and merges by which every known word is one piece, with or without a space.

    The merges are pairs, as the tokenizers take them; their types say otherwise.
    """
    from tokenizers.pre_tokenizers import ByteLevel

    merges: dict[tuple[str, str], None] = {}
    for word in [*(f"Ġ{word}" for word in WORDS), *WORDS]:
        for end in range(2, len(word) + 1):
            merges[word[: end - 1], word[end - 1]] = None
    pieces = [*special, *sorted(ByteLevel.alphabet()), *("".join(pair) for pair in merges)]
    return {piece: n for n, piece in enumerate(dict.fromkeys(pieces))}, list(merges)


def _save(folder: Path, model: Any, config: Any, tokenizer: Any) -> Path:
    import torch

    tokenizer.save_pretrained(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model(config).save_pretrained(folder)
    return folder
