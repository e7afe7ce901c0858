"""Tiny language models with random weights and real tokenizers, made on the spot.

Byte-level tokenizers, trained on the text of the tests, know every text; the models are small
enough to learn a toy language within seconds.
"""

import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from trainer_jobs import Row

PAD, BEGIN, END, UNKNOWN, MASK = "<pad>", "<s>", "</s>", "<unk>", "<mask>"
MAX_POSITIONS = 64
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
ANIMALS = ("cat", "dog", "cow", "hen", "pig")
SOUNDS = ("meow", "woof", "moo", "cluck", "oink")

CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] == messages[loop.index0 - 1]['role'] and not loop.first %}"
    "{{ raise_exception('roles must take turns') }}"
    "{% endif %}"
    "{{ '<|' + message['role'] + '|>\n' + message['content'] | trim }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}"
    "{{ '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)


def make_sums(count: int, seed: int = 0) -> list[Row]:
    """Make digits with the words for them: what a tiny model translates within seconds."""
    generator = random.Random(seed)
    rows = []
    for number in generator.sample(range(10, 1000), count):
        digits = [int(digit) for digit in str(number)]
        words = " ".join(NUMBERS[digit] for digit in digits)
        rows.append({"source": " ".join(map(str, digits)), "target": words})
    return rows


def make_facts(count: int, seed: int = 0) -> list[Row]:
    """Make sentences that a model can foretell the end of."""
    generator = random.Random(seed)
    facts = [f"the {animal} says {sound}" for animal, sound in zip(ANIMALS, SOUNDS, strict=True)]
    return [
        {"text": " and ".join([*generator.sample(facts, generator.randint(1, 3)), str(number)])}
        for number in range(count)
    ]


def make_chats(count: int, seed: int = 0) -> list[Row]:
    """Make chats of a question and its only right answer, after small talk that tells nothing."""
    generator = random.Random(seed)
    rows = []
    for number in range(count):
        kind = generator.randrange(len(ANIMALS))
        question = f"what says the {ANIMALS[kind]} number {number}?"
        rows.append(
            {
                "messages": [
                    {"role": "user", "content": question},
                    {"role": "assistant", "content": SOUNDS[kind]},
                ]
            }
        )
    return rows


def make_tiny_gpt2(folder: Path, *, chat_template: str | None = None) -> Path:
    """Write a GPT-2, whose tokenizer has one special token, as the real one has."""
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = make_tokenizer(folder, {"eos_token": "<|end|>", "bos_token": "<|end|>"})
    tokenizer.chat_template = chat_template
    tokenizer.save_pretrained(folder)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=MAX_POSITIONS, n_embd=32, n_layer=2, n_head=2,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    return _save(GPT2LMHeadModel, config, folder)


def make_tiny_llama(folder: Path, *, chat_template: str | None = CHAT_TEMPLATE) -> Path:
    """Write a Llama, whose tokenizer begins every text with a token."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokens = {"bos_token": BEGIN, "eos_token": END, "unk_token": UNKNOWN, "pad_token": PAD}
    tokenizer = make_tokenizer(folder, tokens, begin=BEGIN)
    tokenizer.chat_template = chat_template
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=MAX_POSITIONS, head_dim=16,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return _save(LlamaForCausalLM, config, folder)


def make_tiny_t5(folder: Path) -> Path:
    """Write a T5, which begins to write with the padding token and counts no positions."""
    from transformers import T5Config, T5ForConditionalGeneration

    tokens = {"eos_token": END, "unk_token": UNKNOWN, "pad_token": PAD}
    tokenizer = make_tokenizer(folder, tokens, end=END)
    tokenizer.save_pretrained(folder)
    begin: dict[str, Any] = {"decoder_start_token_id": tokenizer.pad_token_id}
    config = T5Config(
        vocab_size=len(tokenizer), d_model=32, d_kv=16, d_ff=64, num_layers=1, num_heads=2,
        pad_token_id=tokenizer.pad_token_id, eos_token_id=tokenizer.eos_token_id,
        dropout_rate=0.0, **begin,
    )  # fmt: skip
    return _save(T5ForConditionalGeneration, config, folder)


def make_tiny_bart(folder: Path) -> Path:
    """Write a BART, which begins to write with the end-of-text token."""
    from transformers import BartConfig, BartForConditionalGeneration

    tokens = {"bos_token": BEGIN, "eos_token": END, "unk_token": UNKNOWN, "pad_token": PAD}
    tokenizer = make_tokenizer(folder, tokens, begin=BEGIN, end=END)
    tokenizer.save_pretrained(folder)
    config = BartConfig(
        vocab_size=len(tokenizer), d_model=32, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=64,
        decoder_ffn_dim=64, max_position_embeddings=MAX_POSITIONS, dropout=0.0,
        pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, decoder_start_token_id=tokenizer.eos_token_id,
        forced_eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    return _save(BartForConditionalGeneration, config, folder)


def make_tiny_roberta(folder: Path) -> Path:
    """Write a RoBERTa that guesses words, which counts positions from its padding token on."""
    from transformers import RobertaConfig, RobertaForMaskedLM

    tokens = {"cls_token": BEGIN, "bos_token": BEGIN, "sep_token": END, "eos_token": END}
    more = {"unk_token": UNKNOWN, "pad_token": PAD, "mask_token": MASK}
    tokenizer = make_tokenizer(folder, tokens | more, begin=BEGIN, end=END)
    tokenizer.save_pretrained(folder)
    config = RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=MAX_POSITIONS + 8, type_vocab_size=1,
        pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    return _save(RobertaForMaskedLM, config, folder)


def make_tokenizer(
    folder: Path, tokens: dict[str, str], *, begin: str | None = None, end: str | None = None
) -> Any:
    """Train a tokenizer on the text of the tests.

    Args:
        folder: made if it is not there.
        tokens: its special tokens, by the names that transformers gives them.
        begin: what it puts before every text.
        end: what it puts behind every text.
    """
    from tokenizers import Tokenizer, decoders, pre_tokenizers, processors, trainers
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    special = list(dict.fromkeys(tokens.values()))
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=360,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_list_texts(), trainer)
    around = [token for token in (begin, "$A", end) if token is not None]
    if len(around) > 1:
        tokenizer.post_processor = processors.TemplateProcessing(
            single=" ".join(around),
            special_tokens=[(t, tokenizer.token_to_id(t)) for t in (begin, end) if t is not None],
        )
    options: dict[str, Any] = {"model_max_length": MAX_POSITIONS, **tokens}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **options)  # type: ignore[no-untyped-call]


def write_model(folder: Path, changes: dict[str, Any], name: str = "config.json") -> Path:
    """Change a JSON file of a model; None removes a key."""
    import json

    path = folder / name
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))
    return folder


def _list_texts() -> Iterable[str]:
    yield from (row["text"] for row in make_facts(50))
    for row in make_sums(50):
        yield from (row["source"], row["target"])
    for row in make_chats(20):
        yield from (message["content"] for message in row["messages"])
    yield "user assistant system: <|user|> <|assistant|> <|system|>"


def _save(kind: Any, config: Any, folder: Path) -> Path:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        kind(config).save_pretrained(folder)
    return folder


def list_counted(tokenizer: Any, feature: Any) -> str:
    """Give the text of the tokens that the loss counts."""
    labels: Sequence[int] = feature["labels"]
    text: str = tokenizer.decode([label for label in labels if label != -100])
    return text
