"""Small language models of random weights, for examples for which no package ships real ones.

The makers of the language tasks call it. Each model gets a byte-level tokenizer that was trained on
the texts of its example, and comes out the same on every machine.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

PAD, BEGIN, END = "<pad>", "<s>", "</s>"
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>\\n' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}{{ '\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
)


def make_translator(folder: Path, texts: Iterable[str], vocabulary: int = 512) -> None:
    """Write a T5: it reads one text and writes another."""
    from transformers import T5Config, T5ForConditionalGeneration

    tokenizer = _make_tokenizer(texts, vocabulary, begins=False, ends=True)
    begin: dict[str, Any] = {"decoder_start_token_id": tokenizer.pad_token_id}
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=96,
        d_kv=24,
        d_ff=192,
        num_layers=2,
        num_heads=4,
        dropout_rate=0.0,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **begin,
    )
    save(folder, T5ForConditionalGeneration, config, tokenizer)


def make_writer(folder: Path, texts: Iterable[str], vocabulary: int = 2000) -> None:
    """Write a GPT-2: it goes on with a text."""
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = _make_tokenizer(texts, vocabulary, begins=False, ends=False)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=256,
        n_embd=128,
        n_layer=3,
        n_head=4,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    save(folder, GPT2LMHeadModel, config, tokenizer)


def make_assistant(folder: Path, texts: Iterable[str], vocabulary: int = 512) -> None:
    """Write a Llama with a chat template."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _make_tokenizer(texts, vocabulary, begins=True, ends=False)
    tokenizer.chat_template = CHAT_TEMPLATE
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=96,
        intermediate_size=192,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=256,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    save(folder, LlamaForCausalLM, config, tokenizer)


def _make_tokenizer(texts: Iterable[str], vocabulary: int, *, begins: bool, ends: bool) -> Any:
    from tokenizers import Tokenizer, decoders, pre_tokenizers, processors, trainers
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, BEGIN, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    around = [token for token, is_there in ((BEGIN, begins), ("$A", True), (END, ends)) if is_there]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=" ".join(around),
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (BEGIN, END)],
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, pad_token=PAD, bos_token=BEGIN, eos_token=END
    )


def save(folder: Path, kind: Any, config: Any, processor: Any) -> None:
    """Make a model that knows nothing, always the same one, and what prepares its input."""
    import torch
    import transformers

    library: Any = transformers.utils.logging  # which has no types
    library.disable_progress_bar()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        kind(config).save_pretrained(folder)
    processor.save_pretrained(folder)
