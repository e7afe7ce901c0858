import json
from typing import Any

import pytest

from finetune_trainer.data.kinds.chats import MESSAGES

ASK = {"role": "user", "content": "Who wrote Emma?"}
SAY = {"role": "assistant", "content": "Jane Austen."}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param([ASK, SAY], id="a list, as JSONL and Parquet give it"),
        pytest.param(json.dumps([ASK, SAY]), id="JSON text, as CSV gives it"),
        pytest.param([ASK | {"name": "Ada"}, SAY | {"weight": 1}], id="with more than is needed"),
    ],
)
def test_a_chat_becomes_roles_and_contents(value: Any) -> None:
    chat = MESSAGES.normalize(value)

    assert chat == [ASK, SAY]
    assert MESSAGES.complain(chat) is None


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        pytest.param(None, "no chat", id="nothing"),
        pytest.param("Hello", "a str where the chat belongs ('Hello')", id="a text"),
        pytest.param("[{broken", "a str where the chat belongs ('[{broken')", id="broken JSON"),
        pytest.param({"a": 1}, "a dict where the chat belongs", id="an object"),
        pytest.param([], "a chat without messages", id="no messages"),
        pytest.param([ASK, "x"], "message 2 that is no object with role and content", id="a word"),
        pytest.param([ASK], "a chat without an answer to learn from", id="no answer"),
        pytest.param(
            [{"role": "human", "content": "Hi"}, SAY],
            "message 1 with the role 'human'; the roles are system, user, assistant; human is user"
            " here",
            id="a role of another format",
        ),
        pytest.param([ASK, {"role": "tool", "content": "1"}, SAY], "role 'tool'", id="a tool"),
        pytest.param([{"content": "Hi"}, SAY], "message 1 with the role None", id="no role"),
        pytest.param(
            [ASK, SAY, {"role": "system", "content": "Be brief."}],
            "message 3 with the role system, which belongs at the start",
            id="a late system message",
        ),
        pytest.param(
            [ASK, {"role": "assistant", "content": " "}],
            "message 2 (assistant) without content",
            id="an empty answer",
        ),
        pytest.param(
            [ASK, {"role": "assistant"}], "message 2 (assistant) without content", id="no content"
        ),
        pytest.param(
            [ASK, {"role": "assistant", "content": ["a"]}],
            "message 2 (assistant) whose content is a list",
            id="content in parts",
        ),
    ],
)
def test_what_is_no_chat_is_told(value: Any, complaint: str) -> None:
    assert complaint in str(MESSAGES.complain(MESSAGES.normalize(value)))
