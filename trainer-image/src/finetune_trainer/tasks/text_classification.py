"""Sort texts into labels: sentiment, topics, intents.

Row: {"text": "a gorgeous, witty film", "label": "positive"}
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from finetune_trainer.data.columns import Column, Kind
from finetune_trainer.data.loading import Needs
from finetune_trainer.data.tables import Part
from finetune_trainer.evaluation import classification
from finetune_trainer.tasks.base import Encoded, EncodeSettings, Scores, Task, Tokenizer
from finetune_trainer.tasks.encoding import encode_texts
from finetune_trainer.tasks.padding import PadToLongest

if TYPE_CHECKING:
    import numpy


def encode_text(part: Part, tokenizer: Tokenizer, settings: EncodeSettings) -> Encoded:
    """Tokenize without padding: the collator pads each batch to its own longest row.

    Returns:
        input_ids (and token_type_ids where the model has them), at most `settings.max_length` long,
        and the number of the label.
    """
    numbers = {label: number for number, label in enumerate(settings.labels)}
    tokens = encode_texts(part.column("text"), tokenizer, settings.max_length)
    features = [
        {**row, "labels": numbers[label]}
        for row, label in zip(tokens.features, part.column("label"), strict=True)
    ]
    return replace(tokens, features=features)


def measure_labels(
    outputs: "numpy.ndarray[Any, Any]", targets: "numpy.ndarray[Any, Any]"
) -> Scores:
    """Compare logits [rows, labels] with the numbers of the labels [rows]."""
    return classification.score_logits(outputs, targets)


def measure_majority(train: Part, judged: Part, labels: tuple[str, ...]) -> Scores:
    """Score the guess that every text has the most frequent label of the training part."""
    return classification.score_majority(train.column("label"), judged.column("label"), labels)


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
