"""spec.dataset: what to learn from, what to validate on, what to test with."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from finetune_api.models import ApiModel
from finetune_api.rules import Rule
from finetune_api.sources import DataUri
from finetune_api.v1alpha1.augmentation import Augmentation
from finetune_api.v1alpha1.columns import Columns
from finetune_api.v1alpha1.fields import LabelName, UniqueList

DataFormat = Literal[
    "Auto", "CSV", "TSV", "JSONL", "Parquet", "Arrow", "ImageFolder", "AudioFolder"
]
Fraction = Annotated[float, Field(ge=0.01, le=0.5)]

_SOURCE = (
    "hf://org/name, pvc://claim/path, s3://bucket/path, configmap://name/key (at most 1 MiB) or"
    " file:///path. A path is one file or a folder of files of one format."
)
_FORMAT = (
    "The format of the file or folder; Auto goes by the file's ending. ImageFolder and AudioFolder"
    " take one folder for each label. Not for hf:// data sets, which know their own."
)
_CONFIG = "The configuration (subset) of an hf:// data set."
_SPLIT = "The split of an hf:// data set, for example train or train[:1000]."


def _hub_only(field: str) -> Rule:
    """A field that only a hub can honour is refused elsewhere, not ignored."""
    return Rule(
        cel=f"!has(self.{field}) || (has(self.source) && self.source.startsWith('hf://'))",
        holds=lambda part: getattr(part, field) is None or (part.source or "").startswith("hf://"),
        message=(
            f"{field} is '{{{field}}}' but belongs to hf:// data sets: remove {field} or set source"
            " to hf://…"
        ),
    )


_FILES_ONLY = Rule(
    cel="self.format == 'Auto' || (has(self.source) && !self.source.startsWith('hf://'))",
    holds=lambda part: part.format == "Auto" or not (part.source or "hf://").startswith("hf://"),
    message="format is {format} but belongs to files: remove format, or name a file as source",
)

HELD_OUT_RULES: tuple[Rule, ...] = (_hub_only("config"), _hub_only("split"), _FILES_ONLY)

_SOURCE_OR_FRACTION = Rule(
    cel="has(self.source) != has(self.fraction)",
    holds=lambda part: (part.source is None) != (part.fraction is None),
    message=(
        "exactly one of source and fraction is needed: name the data or say which part of the"
        " training data to hold out"
    ),
)


class TrainData(ApiModel):
    """The rows to learn from."""

    source: DataUri = Field(description="Where the data lies: " + _SOURCE)
    format: DataFormat = Field(default="Auto", description=_FORMAT)
    config: str | None = Field(default=None, min_length=1, max_length=128, description=_CONFIG)
    split: str | None = Field(
        default=None, min_length=1, max_length=128, description=_SPLIT + " Default: train."
    )

    rules: ClassVar[tuple[Rule, ...]] = HELD_OUT_RULES


class HeldOutData(ApiModel):
    """Rows that the model does not learn from: data of their own, or a part held out."""

    fraction: Fraction | None = Field(
        default=None,
        description=(
            "The part of the training data to hold out, chosen by a hash of each row and stratified"
            " by label."
        ),
    )
    source: DataUri | None = Field(
        default=None,
        description="Data of its own: " + _SOURCE,
    )
    format: DataFormat = Field(default="Auto", description=_FORMAT)
    config: str | None = Field(default=None, min_length=1, max_length=128, description=_CONFIG)
    split: str | None = Field(default=None, min_length=1, max_length=128, description=_SPLIT)

    rules: ClassVar[tuple[Rule, ...]] = (_SOURCE_OR_FRACTION, *HELD_OUT_RULES)


class ValidationData(HeldOutData):
    """The validation rows: data of their own, a part held out, or each row once in turn."""

    folds: int | None = Field(
        default=None,
        ge=2,
        le=20,
        description=(
            "k-fold cross-validation, for small data: train so many fresh models, each validated on"
            " another part, report mean and standard deviation, then train on all rows for as long"
            " as the folds took on average."
        ),
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel=(
                "[has(self.source), has(self.fraction), has(self.folds)].exists_one(given, given)"
            ),
            holds=lambda p: sum(v is not None for v in (p.source, p.fraction, p.folds)) == 1,
            message=(
                "exactly one of source, fraction and folds is needed: name the data, or say which"
                " part of the training data to hold out, or into how many folds to split it"
            ),
        ),
        *HELD_OUT_RULES,
    )


class ReplayData(TrainData):
    """General data that is mixed into the training data, so that less is forgotten."""

    ratio: float = Field(
        default=0.1,
        ge=0.01,
        le=0.9,
        description="The share of these rows in each epoch, chosen anew for each by seed.",
    )


class Dataset(ApiModel):
    """The data of the job. Padding and batching need no field: they are done well by default."""

    train: TrainData = Field(description="The rows to learn from.")
    validation: ValidationData = Field(
        default=ValidationData(fraction=0.2),
        description=(
            "The rows that early stopping and the choice of the best model go by. Default: a fifth"
            " of the training data."
        ),
    )
    test: HeldOutData | None = Field(
        default=None,
        description=(
            "The rows for the final verdict, used once, after training. Never used to choose"
            " anything."
        ),
    )
    columns: Columns = Field(default=Columns(), description="Which column plays which part.")
    text_template: str | None = Field(
        default=None,
        min_length=3,
        max_length=2000,
        pattern=r"\{[^{}]+\}",
        description=(
            "Makes the text out of several columns, named in braces; for rows of a table, such as"
            " 'merchant: {merchant}; amount: {amount}'."
        ),
    )
    labels: UniqueList[LabelName] | None = Field(
        default=None,
        min_length=2,
        max_length=1000,
        description=(
            "The labels, in the order of the model's outputs. A label outside the list is an error."
            " Unset: the sorted labels of the training data."
        ),
    )
    on_bad_row: Literal["Fail", "Drop"] = Field(
        default="Fail",
        description=(
            "What to do with a row that cannot be learned from: Fail names the first ones; Drop"
            " leaves them out, at most one row in a hundred, and reports them."
        ),
    )
    augmentation: Augmentation = Field(
        default=Augmentation(), description="Random changes of the training rows."
    )
    replay: ReplayData | None = Field(
        default=None,
        description="General data that is mixed into the training data against forgetting.",
    )
    limit: int | None = Field(
        default=None,
        ge=10,
        le=1_000_000_000,
        description=(
            "Start small: at most so many rows of dataset.train, chosen by training.seed and"
            " stratified by label."
        ),
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!has(self.textTemplate) || !has(self.columns.text)",
            holds=lambda d: d.text_template is None or d.columns.text is None,
            message=(
                "textTemplate makes the text, but columns.text is {columns.text}: remove one of"
                " them"
            ),
        ),
        Rule(
            cel="!has(self.replay) || !has(self.validation.folds)",
            holds=lambda d: d.replay is None or d.validation.folds is None,
            message=(
                "replay and validation.folds are both set: mix data in without folds, or use folds"
                " without replay"
            ),
        ),
    )
