"""Give texts, or pairs of texts, a number: ratings, scores, how well a product suits a person.

Row: {"text": "a gorgeous, witty film", "label": 3.4}
Pair, for rankings and recommendations: {"text": "loves hiking and camping",
"text_pair": "a light tent for two", "label": 4.5}
"""

from dataclasses import replace
from typing import Any

from finetune_api.v1alpha1.dataset import Dataset
from finetune_trainer.data.columns import Column
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.tables import Part
from finetune_trainer.data.templates import list_text_columns
from finetune_trainer.evaluation import regression
from finetune_trainer.tasks.base import (
    Collator,
    Encoded,
    EncodeSettings,
    Features,
    Judged,
    Scores,
    Task,
    Tokenizer,
)
from finetune_trainer.tasks.encoding import encode_column, list_pair_columns, list_pair_roles
from finetune_trainer.tasks.padding import PadToLongest

OUTPUT = "score"


def find_needs(dataset: Dataset) -> Needs:
    """Ask for a text, or two, and a number."""
    return Needs(
        columns=(
            *list_text_columns(dataset),
            *list_pair_columns(dataset),
            Column("label", Kind.NUMBER),
        ),
        identity=("text", *list_pair_roles(dataset)),
    )


def configure(labels: tuple[str, ...], dataset: Dataset) -> dict[str, Any]:
    """Give the model one output, which is compared by the squared error."""
    del labels, dataset
    return {
        "num_labels": 1,
        "id2label": {0: OUTPUT},
        "label2id": {OUTPUT: 0},
        "problem_type": "regression",
    }


def encode_rows(part: Part, tokenizer: Tokenizer, settings: EncodeSettings) -> Encoded:
    """Tokenize without padding, and add the number where the part has some."""
    import numpy as np

    tokens = encode_column(part, tokenizer, settings.max_length)
    if not part.has("label"):
        return tokens
    features: list[Features] = [
        {**row, "labels": np.float32(number)}
        for row, number in zip(tokens.features, part.column("label"), strict=True)
    ]
    return replace(tokens, features=features)


def build_collator(tokenizer: Tokenizer, settings: EncodeSettings) -> Collator:
    """Pad each batch to its longest row."""
    del settings
    return PadToLongest(tokenizer)


def find_mean(train: Part) -> float:
    """Give the number to begin with: a layer that begins at 0 first has to learn how far it is."""
    numbers = train.column("label")
    return float(sum(numbers) / len(numbers))


def measure(judged: Judged) -> Scores:
    """Compare the one output of each row [rows, 1] with its number [rows]."""
    return regression.score_numbers(judged.answers["logits"][:, 0], judged.stack("labels"))


def measure_mean(train: Part, judged: Part, labels: tuple[str, ...]) -> Scores:
    """Score the guess that every text has the mean number of the training part."""
    del labels
    return regression.score_mean(train.column("label"), judged.column("label"))


def describe(judged: Judged) -> list[str]:
    """Give the number of each row."""
    return [f"{number:.3g}" for number in judged.answers["logits"][:, 0]]


TEXT_REGRESSION = Task(
    name="TextRegression",
    processor="Tokenizer",
    find_needs=find_needs,
    auto_model="AutoModelForSequenceClassification",
    configure=configure,
    encode=encode_rows,
    build_collator=build_collator,
    measure=measure,
    measure_baseline=measure_mean,
    describe=describe,
    probe_role="text",
    find_prior=find_mean,
)
