"""Cuts the context of a question into windows that overlap, so that no answer is out of reach.

QuestionAnswering uses it. Each window holds the whole question and a part of the context; two
neighbours share `training.documentStride` tokens, so an answer that one cuts is whole in the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finetune_trainer.data.tables import Part
from finetune_trainer.errors import ConfigError, DataError
from finetune_trainer.tasks.base import EncodeSettings, Tokenizer
from finetune_trainer.tasks.words import refuse_slow

if TYPE_CHECKING:
    import numpy

DEFAULT_STRIDE = 128
ROWS_PER_PORTION = 200
MAX_ROWS_NAMED = 5


@dataclass(frozen=True, slots=True)
class Window:
    """A question and a part of its context, as tokens.

    Attributes:
        row: the position of its row in the part.
        tokens: what the model takes, by argument name.
        first: the number of the first token of the context.
        offsets: where each token of the context begins and ends in its text, [tokens, 2].
        nowhere: the token that stands for "the answer is not here".
    """

    row: int
    tokens: dict[str, Any]
    first: int
    offsets: "numpy.ndarray[Any, Any]"
    nowhere: int

    def find_tokens(self, start: int, end: int) -> tuple[int, int] | None:
        """Give the first and the last token of a part of the context; None if it is not all here.

        Args:
            start: its first character.
            end: the character behind its last.
        """
        import numpy as np

        begins, ends = self.offsets[:, 0], self.offsets[:, 1]
        if not len(begins) or start < begins[0] or end > ends[-1]:
            return None
        first = int(np.searchsorted(ends, start, side="right"))
        last = int(np.searchsorted(begins, end, side="left")) - 1
        return (self.first + first, self.first + last) if first <= last else None


def cut_windows(part: Part, tokenizer: Tokenizer, settings: EncodeSettings) -> list[Window]:
    """Tokenize questions with their contexts, in windows of `settings.max_length` tokens.

    Raises:
        ConfigError: the stride leaves no room to move on, or the tokenizer keeps no places.
        DataError: a question is too long to leave room for its context.
    """
    refuse_slow(tokenizer, "where in the context each token is")
    questions, contexts = part.column("question"), part.column("context")
    longest = _measure_questions(part, questions, tokenizer, settings.max_length)
    stride = _choose_stride(settings, longest, tokenizer)
    windows: list[Window] = []
    for start in range(0, len(questions), ROWS_PER_PORTION):
        portion = slice(start, start + ROWS_PER_PORTION)
        batch = tokenizer(
            questions[portion],
            text_pair=contexts[portion],
            truncation="only_second",
            max_length=settings.max_length,
            stride=stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            return_attention_mask=False,
        )
        windows += [_take_window(batch, n, start, tokenizer) for n in range(len(batch.encodings))]
    return windows


def _measure_questions(
    part: Part, questions: Sequence[str], tokenizer: Tokenizer, max_length: int
) -> int:
    """Give the tokens of the longest question; half of a window is for the context."""
    encoded = tokenizer(list(questions), add_special_tokens=False)
    lengths = [len(ids) for ids in encoded["input_ids"]]
    allowed = max_length // 2
    long = [position for position, length in enumerate(lengths) if length > allowed]
    if long:
        named = "; ".join(part.describe_row(position) for position in long[:MAX_ROWS_NAMED])
        raise DataError(
            f"dataset.columns.question: {named} ({len(long)} rows in all) has a question of"
            f" {lengths[long[0]]} tokens; windows of {max_length} tokens have room for {allowed}",
            hint="shorten the question, or raise training.maxLength if the model can take more",
        )
    return max(lengths)


def _choose_stride(settings: EncodeSettings, longest_question: int, tokenizer: Any) -> int:
    special: int = tokenizer.num_special_tokens_to_add(pair=True)
    room = settings.max_length - longest_question - special
    wanted: int | None = settings.spec.training.document_stride
    if wanted is None:
        return min(DEFAULT_STRIDE, room // 2)
    if wanted >= room:
        raise ConfigError(
            f"training.documentStride is {wanted}, but beside the longest question a window of"
            f" {settings.max_length} tokens holds {room} tokens of the context: windows that share"
            " all of it never move on",
            hint=f"set documentStride to {room // 2} or less, or raise training.maxLength",
        )
    return wanted


def _take_window(batch: Any, number: int, start: int, tokenizer: Any) -> Window:
    import numpy as np

    names = [n for n in batch if n not in ("offset_mapping", "overflow_to_sample_mapping")]
    tokens = {name: np.asarray(batch[name][number], dtype=np.int32) for name in names}
    parts = np.asarray([-1 if s is None else s for s in batch.encodings[number].sequence_ids])
    context = np.flatnonzero(parts == 1)
    offsets = np.asarray(batch["offset_mapping"][number], dtype=np.int32).reshape(-1, 2)
    special = np.flatnonzero(tokens["input_ids"] == tokenizer.cls_token_id)
    return Window(
        row=start + int(batch["overflow_to_sample_mapping"][number]),
        tokens=tokens,
        first=int(context[0]) if len(context) else 0,
        offsets=offsets[context],
        # Models without such a token, such as GPT-2, take the first one of the question.
        nowhere=int(special[0]) if len(special) else 0,
    )
