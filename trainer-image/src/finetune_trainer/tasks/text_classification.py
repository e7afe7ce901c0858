"""Sort texts into labels: sentiment, topics, intents.

Row: {"text": "a gorgeous, witty film", "label": "positive"}
"""

from dataclasses import replace

from finetune_api.v1alpha1.dataset import Dataset
from finetune_trainer.data.columns import Column
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.tables import Part
from finetune_trainer.evaluation import classification
from finetune_trainer.tasks.base import (
    Collator,
    Encoded,
    EncodeSettings,
    Judged,
    Scores,
    Task,
    Tokenizer,
    name_labels,
)
from finetune_trainer.tasks.encoding import encode_texts
from finetune_trainer.tasks.padding import PadToLongest


def find_needs(dataset: Dataset) -> Needs:
    """Ask for a text and its label."""
    del dataset
    return Needs(
        columns=(Column("text", Kind.TEXT), Column("label", Kind.LABEL)),
        identity=("text",),
        label_role="label",
    )


def encode_rows(part: Part, tokenizer: Tokenizer, settings: EncodeSettings) -> Encoded:
    """Tokenize without padding: the collator pads each batch to its own longest row.

    Returns:
        input_ids (and token_type_ids where the model has them), at most `settings.max_length` long,
        and the number of the label where the part has labels.
    """
    tokens = encode_texts(part.column("text"), tokenizer, settings.max_length)
    if not part.has("label"):
        return tokens
    numbers = {label: number for number, label in enumerate(settings.labels)}
    features = [
        {**row, "labels": numbers[label]}
        for row, label in zip(tokens.features, part.column("label"), strict=True)
    ]
    return replace(tokens, features=features)


def build_collator(tokenizer: Tokenizer, settings: EncodeSettings) -> Collator:
    """Pad each batch to its longest row."""
    del settings
    return PadToLongest(tokenizer)


def measure(judged: Judged) -> Scores:
    """Compare logits [rows, labels] with the numbers of the labels [rows]."""
    return classification.score_logits(judged.answers["logits"], judged.stack("labels"))


def measure_majority(train: Part, judged: Part, labels: tuple[str, ...]) -> Scores:
    """Score the guess that every text has the most frequent label of the training part."""
    return classification.score_majority(train.column("label"), judged.column("label"), labels)


def describe(judged: Judged) -> list[str]:
    """Name the likeliest label of each row, and how likely it is."""
    return classification.describe_logits(judged.answers["logits"], judged.labels)


TEXT_CLASSIFICATION = Task(
    name="TextClassification",
    processor="Tokenizer",
    find_needs=find_needs,
    auto_model="AutoModelForSequenceClassification",
    configure=name_labels,
    encode=encode_rows,
    build_collator=build_collator,
    measure=measure,
    measure_baseline=measure_majority,
    describe=describe,
    probe_role="text",
)
