"""Sort texts, or pairs of texts, into labels: sentiment, topics, intents.

Row: {"text": "a gorgeous, witty film", "label": "positive"}
Pair: {"text": "Where is my parcel?", "text_pair": "I want to track my order", "label": "same"}
Several labels, where dataset.columns.labels names their column:
{"text": "a gorgeous, witty film", "labels": ["positive", "film"]}
"""

from dataclasses import replace
from typing import Any

from finetune_api.v1alpha1.dataset import Dataset
from finetune_trainer.data.columns import Column
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.tables import Part
from finetune_trainer.data.templates import list_text_columns
from finetune_trainer.evaluation import classification, labelings
from finetune_trainer.tasks.base import (
    Collator,
    Encoded,
    EncodeSettings,
    Features,
    Judged,
    Scores,
    Task,
    Tokenizer,
    name_labels,
)
from finetune_trainer.tasks.encoding import encode_column, list_pair_columns, list_pair_roles
from finetune_trainer.tasks.padding import PadToLongest


def find_needs(dataset: Dataset) -> Needs:
    """Ask for a text, or two, and its label, or labels."""
    texts = (*list_text_columns(dataset), *list_pair_columns(dataset))
    identity = ("text", *list_pair_roles(dataset))
    if dataset.columns.labels is None:
        label = Column("label", Kind.LABEL)
        return Needs(columns=(*texts, label), identity=identity, label_role="label")
    return Needs(
        columns=(*texts, Column("labels", Kind.LABELS)),
        identity=identity,
        label_role="labels",
        read_labels=lambda labels: labels,
        # Parts could keep the shares of one label in each row, not those of every set of labels.
        is_stratified=False,
    )


def configure(labels: tuple[str, ...], dataset: Dataset) -> dict[str, Any]:
    """Give the model an output for each label, and say whether they exclude each other."""
    has_several = dataset.columns.labels is not None
    # Said aloud, for a model that an earlier job trained may carry the other one.
    kind = "multi_label_classification" if has_several else "single_label_classification"
    return name_labels(labels, dataset) | {"problem_type": kind}


def encode_rows(part: Part, tokenizer: Tokenizer, settings: EncodeSettings) -> Encoded:
    """Tokenize without padding: the collator pads each batch to its own longest row.

    Returns:
        input_ids (and token_type_ids where the model has them), at most `settings.max_length` long,
        and where the part has labels, the number of the label or a mark for each one.
    """
    tokens = encode_column(part, tokenizer, settings.max_length)
    targets = _list_targets(part, settings.labels)
    if targets is None:
        return tokens
    features: list[Features] = [
        {**row, "labels": target} for row, target in zip(tokens.features, targets, strict=True)
    ]
    return replace(tokens, features=features)


def _list_targets(part: Part, labels: tuple[str, ...]) -> Any:
    if part.has("labels"):
        return labelings.mark_labels(part.column("labels"), labels)
    if not part.has("label"):
        return None
    numbers = {label: number for number, label in enumerate(labels)}
    return [numbers[label] for label in part.column("label")]


def build_collator(tokenizer: Tokenizer, settings: EncodeSettings) -> Collator:
    """Pad each batch to its longest row."""
    del settings
    return PadToLongest(tokenizer)


def measure(judged: Judged) -> Scores:
    """Compare logits [rows, labels] with the numbers or the marks of the labels."""
    score = labelings.score_logits if _has_several(judged) else classification.score_logits
    return score(judged.answers["logits"], judged.stack("labels"))


def measure_majority(train: Part, judged: Part, labels: tuple[str, ...]) -> Scores:
    """Score the guess that every text has what is most frequent in the training part."""
    if train.has("labels"):
        return labelings.score_commonest(train.column("labels"), judged.column("labels"), labels)
    return classification.score_majority(train.column("label"), judged.column("label"), labels)


def describe(judged: Judged) -> list[str]:
    """Name the likeliest labels of each row, and how likely they are."""
    say = labelings.describe_logits if _has_several(judged) else classification.describe_logits
    return say(judged.answers["logits"], judged.labels)


def _has_several(judged: Judged) -> bool:
    return judged.settings.spec.dataset.columns.labels is not None


TEXT_CLASSIFICATION = Task(
    name="TextClassification",
    processor="Tokenizer",
    find_needs=find_needs,
    auto_model="AutoModelForSequenceClassification",
    configure=configure,
    encode=encode_rows,
    build_collator=build_collator,
    measure=measure,
    measure_baseline=measure_majority,
    describe=describe,
    probe_role="text",
)
