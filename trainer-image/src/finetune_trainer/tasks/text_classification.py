"""Sort texts into labels: sentiment, topics, intents.

Row: {"text": "a gorgeous, witty film", "label": "positive"}
"""

from typing import TYPE_CHECKING, Any

from finetune_trainer.data.columns import Column, Kind
from finetune_trainer.data.loading import Needs
from finetune_trainer.data.tables import Part
from finetune_trainer.evaluation import classification
from finetune_trainer.tasks.base import Encoded, EncodeSettings, Scores, Task, Tokenizer
from finetune_trainer.tasks.padding import PadToLongest

if TYPE_CHECKING:
    import numpy


def encode_text(part: Part, tokenizer: Tokenizer, settings: EncodeSettings) -> Encoded:
    """Tokenize without padding: the collator pads each batch to its own longest row.

    Returns:
        input_ids (and token_type_ids where the model has them), at most `settings.max_length` long,
        and the number of the label.
    """
    import numpy as np

    texts: list[str] = part.column("text")
    batch = tokenizer(
        texts, truncation=True, max_length=settings.max_length, return_attention_mask=False
    )
    numbers = {label: number for number, label in enumerate(settings.labels)}
    # int32 arrays: lists of Python integers take ten times the memory.
    columns = {name: [np.asarray(row, dtype=np.int32) for row in batch[name]] for name in batch}
    features = [
        {name: rows[i] for name, rows in columns.items()} | {"labels": numbers[label]}
        for i, label in enumerate(part.column("label"))
    ]
    ids = columns["input_ids"]
    return Encoded(
        features,
        lengths=[len(row) for row in ids],
        truncated=sum(bool(encoding.overflowing) for encoding in batch.encodings or ()),
        unknown=_count_unknown(ids, tokenizer.unk_token_id),
    )


def measure_labels(
    outputs: "numpy.ndarray[Any, Any]", targets: "numpy.ndarray[Any, Any]"
) -> Scores:
    """Compare logits [rows, labels] with the numbers of the labels [rows]."""
    return classification.score_logits(outputs, targets)


def measure_majority(train: Part, judged: Part, labels: tuple[str, ...]) -> Scores:
    """Score the guess that every text has the most frequent label of the training part."""
    return classification.score_majority(train.column("label"), judged.column("label"), labels)


def _count_unknown(rows: "list[numpy.ndarray[Any, Any]]", unknown_id: int | None) -> int:
    return 0 if unknown_id is None else sum(int((row == unknown_id).sum()) for row in rows)


TEXT_CLASSIFICATION = Task(
    name="TextClassification",
    needs=Needs(
        columns=(Column("text", Kind.TEXT), Column("label", Kind.LABEL)),
        identity=("text",),
        label_role="label",
    ),
    auto_model="AutoModelForSequenceClassification",
    encode=encode_text,
    build_collator=PadToLongest,
    measure=measure_labels,
    measure_baseline=measure_majority,
)
