from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from finetune_trainer.errors import ConfigError, DataError
from finetune_trainer.tasks.base import EncodeSettings
from finetune_trainer.tasks.instruction_tuning import INSTRUCTION_TUNING
from language_models import list_counted, make_chats, make_tiny_gpt2, make_tiny_llama
from trainer_tasks import a_part, judge, settings_of

ASK = {"role": "user", "content": "what says the cow? moo"}
SAY = {"role": "assistant", "content": "moo"}


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_llama(tmp_path_factory.mktemp("models") / "llama")


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_gpt2(tmp_path_factory.mktemp("models") / "gpt2")


def load_tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    return tokenizer


def settings(max_length: int = 64, **dataset: Any) -> EncodeSettings:
    train = {"train": {"source": "pvc://data/a.jsonl"}}
    return settings_of("InstructionTuning", max_length=max_length, dataset=train | dataset)


def test_the_loss_counts_the_answers_and_their_ends_only(llama: Path) -> None:
    tokenizer = load_tokenizer(llama)
    part = a_part(messages=[[ASK, SAY, ASK, {"role": "assistant", "content": "moo moo?"}]])

    feature = INSTRUCTION_TUNING.encode(part, tokenizer, settings()).features[0]

    assert tokenizer.decode(feature["input_ids"]).startswith("<s><|user|>\nwhat says the cow? moo")
    assert list_counted(tokenizer, feature) == "moo</s>moo moo?</s>"


def test_a_prompt_and_its_completion_are_a_chat(llama: Path) -> None:
    tokenizer = load_tokenizer(llama)
    pair = a_part(prompt=[ASK["content"]], completion=[SAY["content"]])
    chat = a_part(messages=[[ASK, SAY]])

    of_pair = INSTRUCTION_TUNING.encode(pair, tokenizer, settings()).features[0]
    of_chat = INSTRUCTION_TUNING.encode(chat, tokenizer, settings()).features[0]

    assert {name: row.tolist() for name, row in of_pair.items()} == {
        name: row.tolist() for name, row in of_chat.items()
    }


@pytest.mark.parametrize(
    ("named", "roles", "identity"),
    [
        pytest.param({}, ["messages"], ("messages",), id="chats"),
        pytest.param(
            {"prompt": "p", "completion": "c"}, ["prompt", "completion"], ("prompt",), id="pairs"
        ),
    ],
)
def test_a_job_reads_chats_unless_it_names_prompt_and_completion(
    named: dict[str, str], roles: list[str], identity: tuple[str, ...]
) -> None:
    needs = INSTRUCTION_TUNING.find_needs(settings(columns=named).spec.dataset)

    assert [column.role for column in needs.columns] == roles
    assert needs.identity == identity


def test_a_base_model_gets_a_plain_template_and_a_warning(gpt2: Path) -> None:
    tokenizer = load_tokenizer(gpt2)

    encoded = INSTRUCTION_TUNING.encode(a_part(messages=[[ASK, SAY]]), tokenizer, settings())

    assert list_counted(tokenizer, encoded.features[0]) == "moo<|end|>"
    assert "no chat template" in encoded.warnings[0]


def test_an_answer_without_an_end_gets_one(llama: Path) -> None:
    tokenizer = load_tokenizer(llama)
    tokenizer.chat_template = (
        "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}"
        "{% endfor %}"
    )

    feature = INSTRUCTION_TUNING.encode(
        a_part(messages=[[ASK, SAY]]), tokenizer, settings()
    ).features[0]

    assert list_counted(tokenizer, feature).replace(" ", "") == "moo</s>"
    assert int(feature["input_ids"][-1]) == tokenizer.eos_token_id


def test_a_chat_of_which_no_answer_is_left_is_refused_with_the_fix(llama: Path) -> None:
    part = a_part(messages=[[ASK, SAY], [{"role": "user", "content": "one " * 30}, SAY]])

    with pytest.raises(
        DataError, match=r"row 2 of a.csv has no token of an answer within the first 32 tokens"
    ) as caught:
        INSTRUCTION_TUNING.encode(part, load_tokenizer(llama), settings(max_length=32))

    assert "raise training.maxLength" in str(caught.value.hint)


def test_such_chats_are_left_out_where_the_job_says_so(llama: Path) -> None:
    chats = [[ASK, SAY]] * 150
    chats[7] = [{"role": "user", "content": "one " * 30}, SAY]

    encoded = INSTRUCTION_TUNING.encode(
        a_part(messages=chats), load_tokenizer(llama), settings(max_length=32, onBadRow="Drop")
    )

    assert len(encoded) == 149
    assert encoded.rows is not None
    assert list(encoded.rows[6:8]) == [6, 8]
    assert "row 8 of a.csv" in encoded.warnings[0]


def test_a_chat_that_the_template_refuses_is_refused_by_its_row(llama: Path) -> None:
    part = a_part(messages=[[ASK, SAY], [ASK, ASK, SAY]])

    with pytest.raises(DataError, match=r"row 2 .* refuses: roles must take turns"):
        INSTRUCTION_TUNING.encode(part, load_tokenizer(llama), settings())


def test_a_tokenizer_without_an_end_is_refused(llama: Path) -> None:
    tokenizer = load_tokenizer(llama)
    tokenizer.eos_token = None

    with pytest.raises(ConfigError, match="no end-of-text token"):
        INSTRUCTION_TUNING.encode(a_part(messages=[[ASK, SAY]]), tokenizer, settings())


def test_packed_chats_have_the_loss_that_they_have_alone(llama: Path) -> None:
    from transformers import AutoModelForCausalLM

    tokenizer = load_tokenizer(llama)
    model = AutoModelForCausalLM.from_pretrained(llama).eval()
    part = a_part(messages=[row["messages"] for row in make_chats(4)])
    alone = settings_of("InstructionTuning", max_length=64, training={"packing": True})
    collate = INSTRUCTION_TUNING.build_collator(tokenizer, alone)
    encoded = [
        INSTRUCTION_TUNING.encode(part, tokenizer, replace(alone, is_training=is_packed))
        for is_packed in (False, True)
    ]

    with torch.no_grad():
        losses = [float(model(**collate(some.features), use_cache=False).loss) for some in encoded]

    assert len(encoded[1]) < len(encoded[0])
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)


def test_perplexity_is_that_of_the_answers(llama: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(llama).eval()
    part = a_part("validation", messages=[[ASK, SAY]])

    judged = judge(INSTRUCTION_TUNING, part, load_tokenizer(llama), settings(), model)

    assert judged.answers["tokens"].tolist() == [2]
    assert 100 < INSTRUCTION_TUNING.measure(judged)["perplexity"] < 1000


def test_a_probe_is_written_as_the_chats_are_and_answered(llama: Path) -> None:
    from transformers import AutoModelForCausalLM

    model, tokenizer = AutoModelForCausalLM.from_pretrained(llama).eval(), load_tokenizer(llama)
    part = a_part("probes", prompt=["what says the cow?"])

    judged = judge(INSTRUCTION_TUNING, part, tokenizer, settings(), model)

    prompt = tokenizer.decode(judged.rows.encoded.features[0]["input_ids"])
    assert prompt == "<s><|user|>\nwhat says the cow?\n<|assistant|>\n"
    assert len(INSTRUCTION_TUNING.describe(judged)) == 1
