"""Writes chats down as a model reads them, and finds the answers in what was written.

InstructionTuning uses it. The tokenizer's own chat template writes; few templates mark what the
assistant said ({% generation %}), so the answers are found by writing each chat a second time with
a sign in place of every answer: what stands around the signs is the template's, the rest of the
text is the answers.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from finetune_trainer.data.kinds.chats import ANSWERING

Message = dict[str, str]

PLAIN_TEMPLATE = (
    "{% for message in messages %}"
    "{{ message['role'] + ':\\n' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ eos_token }}{% endif %}"
    "{{ '\\n\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant:\\n' }}{% endif %}"
)
"""For tokenizers without a template. Words and no tokens of its own: those would need embeddings
that the model does not have."""
_BEGINNING = "{{ bos_token }}"
TEMPLATE_FAULTS = (
    *(ArithmeticError, AttributeError, LookupError, MemoryError),
    *(RecursionError, TypeError, ValueError),
)
"""What a template can raise besides the errors of its language: it comes with the model, and may
divide by zero or ask for a text of a terabyte."""


class UnwritableChatError(Exception):
    """A chat that the template does not take, or whose answers cannot be told from the rest."""


@dataclass(frozen=True, slots=True)
class Written:
    """A chat as the model reads it.

    Attributes:
        text: the whole of it.
        answers: where each answer begins and ends, with the token that ends it where there is one.
        prompt: what comes before the first answer.
        has_end: whether a token ends the last answer.
    """

    text: str
    answers: tuple[tuple[int, int], ...]
    has_end: bool

    @property
    def prompt(self) -> str:
        """What comes before the first answer."""
        return self.text[: self.answers[0][0]]


def provide_template(tokenizer: Any) -> str | None:
    """Give a tokenizer without chat template the plain one; it is saved with it.

    Returns:
        a warning where that was necessary.
    """
    if tokenizer.chat_template is not None:
        return None
    begins = tokenizer("")["input_ids"][:1] == [tokenizer.bos_token_id]
    tokenizer.chat_template = (_BEGINNING if begins else "") + PLAIN_TEMPLATE
    return (
        "the tokenizer has no chat template: a plain one was set and is saved with it, which writes"
        " the role, a line break and the content of each message; programs that use the model must"
        " use it too"
    )


def write_chat(messages: Sequence[Message], tokenizer: Any) -> Written:
    """Write a chat down and find its answers.

    Raises:
        UnwritableChatError: the template refuses it, or does not show the answers as they are.
    """
    signs = {i: f"\ue000{i}\ue001" for i, one in enumerate(messages) if one["role"] == ANSWERING}
    marked = [{**one, "content": signs.get(i, one["content"])} for i, one in enumerate(messages)]
    text = _render(messages, tokenizer)
    pieces = _split(_render(marked, tokenizer), signs.values())
    contents = [messages[i]["content"] for i in signs]
    spans = _find_spans(text, pieces, contents)
    ends = _compile_ends(tokenizer)
    answers = tuple((start, _find_end(text, end, ends)) for start, end in spans)
    return Written(text, answers, has_end=answers[-1][1] > spans[-1][1])


def _render(messages: Sequence[Message], tokenizer: Any) -> str:
    from jinja2.exceptions import TemplateError

    try:
        text: str = tokenizer.apply_chat_template(list(messages), tokenize=False)
    except (TemplateError, *TEMPLATE_FAULTS) as error:
        raise UnwritableChatError(
            f"the chat template refuses: {str(error) or type(error).__name__}"
        ) from error
    return text


def _split(marked: str, signs: Iterable[str]) -> list[str]:
    """Give what stands before, between and after the signs."""
    pieces = re.split("|".join(map(re.escape, signs)), marked)
    if len(pieces) != len(list(signs)) + 1:
        raise UnwritableChatError("the chat template leaves answers out, or writes them twice")
    return pieces


def _find_spans(text: str, pieces: Sequence[str], contents: Sequence[str]) -> list[tuple[int, int]]:
    """Find the answers in a text of which the pieces around them are known."""
    spans: list[tuple[int, int]] = []
    position = 0
    for (before, after), content in zip(pairwise(pieces), contents, strict=True):
        # A template that treats a part of an answer apart, such as its reasoning, writes something
        # else just before it than just before the sign.
        shared = _count_shared(before, text[position : position + len(before)])
        start = position + shared
        is_last = len(spans) == len(contents) - 1
        end = _find_answer_end(text, start, after, content, is_last=is_last)
        if shared < len(before) / 2 or start >= end:
            break
        spans.append((start, end))
        position = end
    if len(spans) < len(contents) or text[position:] != pieces[-1]:
        raise UnwritableChatError("the chat template does not show the answers as they are")
    return spans


def _count_shared(one: str, other: str) -> int:
    """Count the characters with which both begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _find_answer_end(text: str, start: int, after: str, content: str, *, is_last: bool) -> int:
    """Find where an answer ends: as it is, without blanks around it, or where the rest begins."""
    for shown in (content, content.rstrip(), content.lstrip(), content.strip()):
        end = start + len(shown)
        if text[start:end] == shown and text.startswith(after, end):
            return end
    return len(text) - len(after) if is_last else _find_longest_start(after, text, start)


def _find_longest_start(piece: str, text: str, start: int) -> int:
    """Find where as much as possible of the beginning of a piece stands in a text."""
    low, high = 0, len(piece)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if piece[:middle] in text[start:] else (low, middle - 1)
    return text.find(piece[:low], start)


def _compile_ends(tokenizer: Any) -> "re.Pattern[str]":
    added = (token.content for token in tokenizer.added_tokens_decoder.values())
    names = sorted({*tokenizer.all_special_tokens, *added}, key=len, reverse=True)
    return re.compile(rf"\s*(?:{'|'.join(map(re.escape, names))})")


def _find_end(text: str, end: int, ends: "re.Pattern[str]") -> int:
    """Take in the token that ends an answer: a model must learn to stop."""
    found = ends.match(text, end)
    return found.end() if found else end
