"""Chats: lists of messages, each with a role and a content.

A CSV file holds them as JSON text, JSONL and Parquet as lists of objects; all become lists of
`{"role": …, "content": …}`. What no chat template could show, or what holds nothing to learn, is a
complaint here, so that it costs a second and not a GPU.
"""

from collections.abc import Callable
from typing import Any

from finetune_trainer.data.kinds.base import ValueKind, parse_structure

ROLES = ("system", "user", "assistant")
FOREIGN_ROLES = {"human": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant"}
"""What other formats call a role, and our name for it: for the message, not to guess."""
ANSWERING = "assistant"


def normalize_chat(value: Any) -> Any:
    """Read JSON text, and keep role and content of each message."""
    messages = parse_structure(value)
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        return messages
    return [{name: one.get(name) for name in ("role", "content")} for one in messages]


def complain_about_chat(value: Any) -> str | None:
    """Say what is wrong with a chat."""
    if value is None or value == "":
        return "no chat"
    if not isinstance(value, list):
        return f"a {type(value).__name__} where the chat belongs ({value!r:.40})"
    if not value:
        return "a chat without messages"
    for number, message in enumerate(value, start=1):
        for complain in MESSAGE_COMPLAINTS:
            if (what := complain(message, number)) is not None:
                return what
    if all(message["role"] != ANSWERING for message in value):
        return "a chat without an answer to learn from: no message has the role assistant"
    return None


def _complain_about_form(message: Any, number: int) -> str | None:
    if isinstance(message, dict):
        return None
    return f"message {number} that is no object with role and content ({message!r:.40})"


def _complain_about_role(message: dict[str, Any], number: int) -> str | None:
    role = message.get("role")
    if role in ROLES:
        return None
    ours = FOREIGN_ROLES.get(str(role).lower())
    meant = f"; {role} is {ours} here" if ours else ""
    return f"message {number} with the role {role!r}; the roles are {', '.join(ROLES)}{meant}"


def _complain_about_place(message: dict[str, Any], number: int) -> str | None:
    if message["role"] != "system" or number == 1:
        return None
    return f"message {number} with the role system, which belongs at the start of a chat"


def _complain_about_content(message: dict[str, Any], number: int) -> str | None:
    content = message.get("content")
    if isinstance(content, str) and content.strip():
        return None
    if content is None or isinstance(content, str):
        return f"message {number} ({message['role']}) without content"
    return f"message {number} ({message['role']}) whose content is a {type(content).__name__}"


MESSAGE_COMPLAINTS: tuple[Callable[[Any, int], str | None], ...] = (
    _complain_about_form,
    _complain_about_role,
    _complain_about_place,
    _complain_about_content,
)

MESSAGES = ValueKind(complain_about_chat, normalize_chat)
