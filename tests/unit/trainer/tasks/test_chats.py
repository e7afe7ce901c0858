from pathlib import Path
from typing import Any

import pytest

from finetune_trainer.tasks.chats import UnwritableChatError, provide_template, write_chat
from language_models import BEGIN, CHAT_TEMPLATE, END, PAD, make_tokenizer

CHAT = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "Hi! moo"},
    {"role": "assistant", "content": "moo"},
    {"role": "user", "content": "moo"},
    {"role": "assistant", "content": "Hi! moo\n\nmoo"},
]
TURN = "{{ '<' + message['role'] + '>' }}"
REASONING = (
    "{% for message in messages %}{% set content = message['content'] %}"
    "{% set thought = '' %}"
    "{% if '</think>' in content %}"
    "{% set thought = content.split('</think>')[0].split('<think>')[-1] %}"
    "{% set content = content.split('</think>')[-1] %}{% endif %}"
    + TURN
    + "{% if message['role'] == 'assistant' and loop.last %}"
    "{{ '<think>' + thought + '</think>' + content }}{% else %}{{ content }}{% endif %}"
    "{{ eos_token }}{% endfor %}"
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    tokens = {"bos_token": BEGIN, "eos_token": END, "pad_token": PAD}
    return make_tokenizer(tmp_path_factory.mktemp("tokenizer"), tokens, begin=BEGIN)


def with_template(tokenizer: Any, template: str | None) -> Any:
    tokenizer.chat_template = template
    return tokenizer


def list_answers(tokenizer: Any, template: str, chat: list[dict[str, str]]) -> list[str]:
    written = write_chat(chat, with_template(tokenizer, template))
    return [written.text[start:end] for start, end in written.answers]


@pytest.mark.parametrize(
    ("template", "answers"),
    [
        pytest.param(CHAT_TEMPLATE, ["moo</s>", "Hi! moo\n\nmoo</s>"], id="an end after answers"),
        pytest.param(
            "{% for message in messages %}" + TURN + "{{ message['content'] + ' ' + eos_token }}"
            "{% endfor %}",
            ["moo </s>", "Hi! moo\n\nmoo </s>"],
            id="a blank before the end",
        ),
        pytest.param(
            "{% for message in messages %}" + TURN + "{{ message['content'] + '\n' }}{% endfor %}",
            ["moo", "Hi! moo\n\nmoo"],
            id="no end at all",
        ),
        pytest.param(
            "{% for message in messages %}"
            + TURN
            + "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] }}"
            "{% endgeneration %}{% else %}{{ message['content'] }}{% endif %}{{ eos_token }}"
            "{% endfor %}",
            ["moo</s>", "Hi! moo\n\nmoo</s>"],
            id="a template that marks the answers itself",
        ),
    ],
)
def test_answers_are_found_even_where_the_prompts_say_the_same(
    tokenizer: Any, template: str, answers: list[str]
) -> None:
    assert list_answers(tokenizer, template, CHAT) == answers


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        pytest.param(" moo \n", "moo</s>", id="blanks that the template takes away"),
        pytest.param("</s>", "</s></s>", id="the end token as an answer"),
        pytest.param("<|user|>\nmoo", "<|user|>\nmoo</s>", id="a turn within an answer"),
        pytest.param("{{ 7 * 7 }}", "{{ 7 * 7 }}</s>", id="the language of templates"),
        pytest.param("Mädchen 🐄", "Mädchen 🐄</s>", id="letters of several bytes"),
    ],
)
def test_answers_are_taken_as_the_template_shows_them(
    tokenizer: Any, answer: str, shown: str
) -> None:
    chat = [CHAT[1], {"role": "assistant", "content": answer}]

    assert list_answers(tokenizer, CHAT_TEMPLATE, chat) == [shown]


def test_reasoning_that_a_template_drops_or_moves_is_learned_as_it_is_shown(tokenizer: Any) -> None:
    chat = [
        CHAT[1],
        {"role": "assistant", "content": "<think>a cow</think>moo"},
        CHAT[1],
        {"role": "assistant", "content": "<think>a cat</think>meow"},
    ]

    assert list_answers(tokenizer, REASONING, chat) == ["moo</s>", "a cat</think>meow</s>"]


def test_answers_that_a_template_rewrites_are_found_by_what_stands_around_them(
    tokenizer: Any,
) -> None:
    template = (
        "{% for message in messages %}" + TURN + "{{ message['content'] | upper }}{% endfor %}"
    )

    assert list_answers(tokenizer, template, CHAT) == ["MOO", "HI! MOO\n\nMOO"]


def test_the_prompt_is_all_before_the_first_answer(tokenizer: Any) -> None:
    written = write_chat(CHAT[1:3], with_template(tokenizer, CHAT_TEMPLATE))

    assert written.prompt == "<s><|user|>\nHi! moo\n<|assistant|>\n"
    assert written.has_end


@pytest.mark.parametrize(
    ("template", "chat", "problem"),
    [
        pytest.param(
            CHAT_TEMPLATE, [CHAT[1], *CHAT[1:3]], "roles must take turns", id="a template refuses"
        ),
        pytest.param(
            "{{ messages[0]['content'] }}", CHAT[1:3], "leaves answers out", id="no answers"
        ),
    ],
)
def test_a_chat_that_cannot_be_written_down_says_why(
    tokenizer: Any, template: str, chat: list[dict[str, str]], problem: str
) -> None:
    with pytest.raises(UnwritableChatError, match=problem):
        write_chat(chat, with_template(tokenizer, template))


def test_a_tokenizer_without_template_gets_the_plain_one_and_keeps_it(
    tokenizer: Any, tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    warning = provide_template(with_template(tokenizer, None))
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)

    assert warning is not None
    assert "no chat template" in warning
    assert write_chat(CHAT[:3], loaded).text == (
        "<s>system:\nBe kind.\n\nuser:\nHi! moo\n\nassistant:\nmoo</s>\n\n"
    )
    prompt = loaded.apply_chat_template(CHAT[:2], tokenize=False, add_generation_prompt=True)
    assert prompt == write_chat(CHAT[:3], loaded).prompt
    assert provide_template(loaded) is None
