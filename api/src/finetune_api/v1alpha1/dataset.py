"""spec.dataset: what to learn from, what to validate on, what to test with."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from finetune_api.models import ApiModel
from finetune_api.rules import Rule
from finetune_api.sources import SourceUri
from finetune_api.v1alpha1.fields import ColumnName, LabelName, UniqueList

DataFormat = Literal["Auto", "CSV", "JSONL", "Parquet"]
Fraction = Annotated[float, Field(ge=0.01, le=0.5)]

_FORMAT = (
    "The format of the file or folder; Auto goes by the file's ending. Belongs to pvc:// and"
    " file:// sources."
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
    message="format is {format} but belongs to pvc:// and file:// sources: remove format",
)

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

    source: SourceUri = Field(
        description=(
            "Where the data lies: hf://org/name, pvc://claim/path or file:///path. A path is one"
            " file or a folder of files of one format."
        )
    )
    format: DataFormat = Field(default="Auto", description=_FORMAT)
    config: str | None = Field(default=None, min_length=1, max_length=128, description=_CONFIG)
    split: str | None = Field(
        default=None, min_length=1, max_length=128, description=_SPLIT + " Default: train."
    )

    rules: ClassVar[tuple[Rule, ...]] = (_hub_only("config"), _hub_only("split"), _FILES_ONLY)


class HeldOutData(ApiModel):
    """Rows that the model does not learn from: data of their own, or a part held out."""

    fraction: Fraction | None = Field(
        default=None,
        description=(
            "The part of the training data to hold out, chosen by a hash of each row and stratified"
            " by label."
        ),
    )
    source: SourceUri | None = Field(
        default=None,
        description="Data of its own: hf://org/name, pvc://claim/path or file:///path.",
    )
    format: DataFormat = Field(default="Auto", description=_FORMAT)
    config: str | None = Field(default=None, min_length=1, max_length=128, description=_CONFIG)
    split: str | None = Field(default=None, min_length=1, max_length=128, description=_SPLIT)

    rules: ClassVar[tuple[Rule, ...]] = (
        _SOURCE_OR_FRACTION,
        _hub_only("config"),
        _hub_only("split"),
        _FILES_ONLY,
    )


class Columns(ApiModel):
    """Which column of the data plays which part."""

    text: ColumnName = Field(default="text", description="The column that holds the text.")
    label: ColumnName = Field(default="label", description="The column that holds the label.")

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="self.text != self.label",
            holds=lambda c: c.text != c.label,
            message="text and label are both the column {text}: name two columns",
        ),
    )


class Dataset(ApiModel):
    """The data of the job. Padding and batching need no field: they are done well by default."""

    train: TrainData = Field(description="The rows to learn from.")
    validation: HeldOutData = Field(
        default=HeldOutData(fraction=0.2),
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
    labels: UniqueList[LabelName] | None = Field(
        default=None,
        min_length=2,
        max_length=1000,
        description=(
            "The labels, in the order of the model's outputs. A label outside the list is an error."
            " Unset: the sorted labels of the training data."
        ),
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
