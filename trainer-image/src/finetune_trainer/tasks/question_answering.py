"""Find the answer to a question in a text, or say that it is not there.

Row: {"question": "Where was Ada born?", "context": "Ada was born in London.",
"answers": {"text": ["London"], "answer_start": [16]}}
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from finetune_api.v1alpha1 import FineTuneJobSpec
from finetune_api.v1alpha1.dataset import Dataset
from finetune_trainer.data.columns import Column
from finetune_trainer.data.kinds.answers import complain_about_places
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.tables import Part
from finetune_trainer.evaluation import spans
from finetune_trainer.tasks.base import (
    Batch,
    Collator,
    Encoded,
    EncodeSettings,
    Features,
    Judged,
    Scores,
    Task,
    Tokenizer,
)
from finetune_trainer.tasks.padding import PadToLongest
from finetune_trainer.tasks.windows import Window, cut_windows

if TYPE_CHECKING:
    import torch

Answers = Mapping[str, Sequence[Any]]
NOT_FOR_THE_MODEL = frozenset({"first", "offsets", "nowhere"})
NO_ANSWER = "no answer"


def find_needs(dataset: Dataset) -> Needs:
    """Ask for a question, the text that holds its answer, and the answers."""
    del dataset
    return Needs(
        columns=(
            Column("question", Kind.TEXT),
            Column("context", Kind.TEXT),
            Column("answers", Kind.ANSWERS),
        ),
        identity=("question", "context"),
        check_row=complain_about_places,
    )


def encode_rows(part: Part, tokenizer: Tokenizer, settings: EncodeSettings) -> Encoded:
    """Cut the contexts into windows, several for a long one.

    Returns:
        for each window input_ids (and token_type_ids where the model has them); `first` and
        `offsets`, by which its tokens are found in the context; `nowhere`, the token for "not
        here"; and where the part has answers, start_positions and end_positions.
    """
    windows = cut_windows(part, tokenizer, settings)
    answers = part.column("answers") if part.has("answers") else [None] * len(part)
    features = [_take_features(window, answers[window.row]) for window in windows]
    unknown = 0
    if tokenizer.unk_token_id is not None:
        unknown = sum(int((row["input_ids"] == tokenizer.unk_token_id).sum()) for row in features)
    lengths = [len(row["input_ids"]) for row in features]
    return Encoded(features, lengths, unknown=unknown, rows=[window.row for window in windows])


def _take_features(window: Window, answers: Answers | None) -> Features:
    features = {
        **window.tokens,
        "first": window.first,
        "offsets": window.offsets,
        "nowhere": window.nowhere,
    }
    if answers is None:
        return features
    # The first answer is learned; the others are as good when the model is measured.
    found = next(zip(answers["text"], answers["answer_start"], strict=True), None)
    tokens = found and window.find_tokens(found[1], found[1] + len(found[0]))
    start, end = tokens or (window.nowhere, window.nowhere)
    return {**features, "start_positions": start, "end_positions": end}


def build_collator(tokenizer: Tokenizer, settings: EncodeSettings) -> Collator:
    """Pad each batch to its longest window, at the right: positions count from the left."""
    del settings
    return PadToLongest(tokenizer, side="right", left_out=NOT_FOR_THE_MODEL)


def answer(model: Any, batch: Batch, spec: FineTuneJobSpec) -> "Mapping[str, torch.Tensor]":
    """Give the logits of each token as the first and as the last one of the answer."""
    del spec
    given = model(**batch)
    return {"starts": given.start_logits, "ends": given.end_logits}


def measure(judged: Judged) -> Scores:
    """Compare the answers of the rows as SQuAD does; the loss is the mean over the windows."""
    wanted = [answers["text"] for answers in judged.rows.part.column("answers")]
    return spans.score_answers(read_answers(judged), wanted) | {"loss": _measure_loss(judged)}


def _measure_loss(judged: Judged) -> float:
    losses = []
    for number, feature in enumerate(judged.rows.encoded.features):
        width = len(feature["input_ids"])
        starts = judged.answers["starts"][number][:width]
        ends = judged.answers["ends"][number][:width]
        start = spans.measure_loss(starts, feature["start_positions"])
        losses.append((start + spans.measure_loss(ends, feature["end_positions"])) / 2)
    return sum(losses) / len(losses)


def read_answers(judged: Judged) -> list[str]:
    """Give the likeliest answer of each row out of all its windows; empty where there is none.

    There is none where even the window that doubts most finds "not here" likelier than any part of
    the context in any window.
    """
    contexts = judged.rows.part.column("context")
    features = judged.rows.encoded.features
    rows = judged.rows.encoded.rows
    assert rows is not None  # encode_rows names them
    longest = judged.settings.spec.evaluation.max_answer_tokens or spans.USUAL_ANSWER_TOKENS
    best = [(float("-inf"), "")] * len(contexts)
    nowhere = [float("inf")] * len(contexts)
    for number, row in enumerate(rows):
        feature = features[number]
        starts, ends = judged.answers["starts"][number], judged.answers["ends"][number]
        empty = float(starts[feature["nowhere"]] + ends[feature["nowhere"]])
        nowhere[row] = min(nowhere[row], empty)
        offsets = feature["offsets"]
        if not len(offsets):
            continue
        context = slice(feature["first"], feature["first"] + len(offsets))
        span = spans.find_best_span(starts[context], ends[context], longest)
        text = contexts[row][offsets[span.first][0] : offsets[span.last][1]].strip()
        best[row] = max(best[row], (span.score, text))
    return [
        text if score > empty else "" for (score, text), empty in zip(best, nowhere, strict=True)
    ]


def measure_simplest(train: Part, judged: Part, labels: tuple[str, ...]) -> Scores:
    """Score the better of two guesses that need no reading: no answer at all, or the whole context.

    Which one is better, the training part says. The loss is that of finding every word of a context
    as likely as any other to be the first one, and the last one.
    """
    import numpy as np

    del labels
    choose = max(
        (_say_nothing, _say_everything), key=lambda guess: _score(guess(train), train)["f1"]
    )
    words = [len(context.split()) for context in judged.column("context")]
    return _score(choose(judged), judged) | {"loss": float(np.log(words).mean())}


def _say_nothing(part: Part) -> list[str]:
    return [""] * len(part)


def _say_everything(part: Part) -> list[str]:
    return part.column("context")


def _score(given: Sequence[str], part: Part) -> Scores:
    return spans.score_answers(given, [answers["text"] for answers in part.column("answers")])


def describe(judged: Judged) -> list[str]:
    """Give the answer of each row."""
    return [text or NO_ANSWER for text in read_answers(judged)]


QUESTION_ANSWERING = Task(
    name="QuestionAnswering",
    processor="Tokenizer",
    find_needs=find_needs,
    auto_model="AutoModelForQuestionAnswering",
    encode=encode_rows,
    build_collator=build_collator,
    measure=measure,
    measure_baseline=measure_simplest,
    describe=describe,
    answer=answer,
)
