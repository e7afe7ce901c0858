"""Tag words: names of people, places and products, parts of speech.

Row: {"tokens": ["Ada", "wrote", "it"], "tags": ["B-PER", "O", "O"]}
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from finetune_api.v1alpha1 import FineTuneJobSpec
from finetune_api.v1alpha1.dataset import Dataset
from finetune_trainer.data.columns import Column
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.tables import Part
from finetune_trainer.evaluation import entities
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
    name_labels,
)
from finetune_trainer.tasks.padding import PadToLongest
from finetune_trainer.tasks.words import encode_words

if TYPE_CHECKING:
    import torch

NOT_JUDGED = -100
"""The target of a token that is not the first piece of a word: no loss and no metric counts it."""


def find_needs(dataset: Dataset) -> Needs:
    """Ask for words and a tag for each of them."""
    del dataset
    return Needs(
        columns=(Column("tokens", Kind.TOKENS), Column("tags", Kind.TAGS)),
        identity=("tokens",),
        label_role="tags",
        read_labels=lambda tags: tags,
        is_stratified=False,
        check_row=complain_about_lengths,
    )


def complain_about_lengths(row: Mapping[str, Any]) -> str | None:
    """Say that words and tags do not pair up."""
    words, tags = row["tokens"], row["tags"]
    if len(words) == len(tags):
        return None
    return f"{len(words)} tokens but {len(tags)} tags: each word needs one tag"


def encode_rows(part: Part, tokenizer: Tokenizer, settings: EncodeSettings) -> Encoded:
    """Tokenize the words of each row; the first piece of a word carries its tag.

    Returns:
        input_ids (and token_type_ids where the model has them), `words`: the number of the word
        that each token is the first piece of, else -1; and where the part has tags, `labels`.
    """
    import numpy as np

    tokens = encode_words(part.column("tokens"), tokenizer, settings.max_length)
    if not part.has("tags"):
        return tokens
    numbers = {label: number for number, label in enumerate(settings.labels)}
    features: list[Features] = []
    for row, tags in zip(tokens.features, part.column("tags"), strict=True):
        # The last number stands for the tokens whose word is -1.
        targets = np.asarray([*(numbers[tag] for tag in tags), NOT_JUDGED], dtype=np.int32)
        features.append({**row, "labels": targets[row["words"]]})
    return replace(tokens, features=features)


def build_collator(tokenizer: Tokenizer, settings: EncodeSettings) -> Collator:
    """Pad each batch to its longest row, at the right: answers name tokens by their place."""
    del settings
    return PadToLongest(tokenizer, side="right", left_out=frozenset({"words"}))


def answer(model: Any, batch: Batch, spec: FineTuneJobSpec) -> "Mapping[str, torch.Tensor]":
    """Give the likeliest tag of each token, and where tags are known, its loss: [rows, tokens].

    Not the logits: over all rows they would be as many numbers again for each tag.
    """
    del spec
    from torch.nn.functional import cross_entropy

    logits = model(**batch).logits
    found = {"numbers": logits.argmax(dim=-1)}
    if "labels" in batch:
        found["losses"] = cross_entropy(
            logits.float().transpose(1, 2), batch["labels"], reduction="none"
        )
    return found


def measure(judged: Judged) -> Scores:
    """Compare entities, which are right as a whole or not at all; the loss is the mean of words."""
    wanted = judged.rows.part.column("tags")
    scores = entities.score_entities(wanted, _read_tags(judged))
    losses = [
        float(loss)
        for feature, row in zip(judged.rows.encoded.features, judged.answers["losses"], strict=True)
        for loss in row[: len(feature["words"])][feature["words"] >= 0]
    ]
    return scores | {"loss": sum(losses) / len(losses) if losses else 0.0}


def measure_commonest(train: Part, judged: Part, labels: tuple[str, ...]) -> Scores:
    """Score the guess that every word has the most frequent tag of the training part."""
    import numpy as np

    counts = Counter(tag for tags in train.column("tags") for tag in tags)
    commonest = max(labels, key=lambda label: counts[label])
    wanted = judged.column("tags")
    scores = entities.score_entities(wanted, [[commonest] * len(tags) for tags in wanted])
    # One added to each count: a tag that train lacks would make the loss infinite.
    total = counts.total() + len(labels)
    losses = [-np.log((counts[tag] + 1) / total) for tags in wanted for tag in tags]
    return scores | {"loss": float(np.mean(losses))}


def describe(judged: Judged) -> list[str]:
    """Name the entities that were found in each row."""
    words = judged.rows.part.column("tokens")
    return list(map(entities.describe_entities, words, _read_tags(judged)))


def _read_tags(judged: Judged) -> Iterator[Sequence[str]]:
    """Give a tag for each word; one that was cut off was not found to be anything."""
    for words, feature, numbers in zip(
        judged.rows.part.column("tokens"),
        judged.rows.encoded.features,
        judged.answers["numbers"],
        strict=True,
    ):
        tags = [entities.OUTSIDE] * len(words)
        for place, word in enumerate(feature["words"]):
            if word >= 0:
                tags[word] = judged.labels[int(numbers[place])]
        yield tags


TOKEN_CLASSIFICATION = Task(
    name="TokenClassification",
    processor="Tokenizer",
    find_needs=find_needs,
    auto_model="AutoModelForTokenClassification",
    configure=name_labels,
    encode=encode_rows,
    build_collator=build_collator,
    measure=measure,
    measure_baseline=measure_commonest,
    describe=describe,
    answer=answer,
    probe_role="tokens",
    loss_spans_batches=True,
)
