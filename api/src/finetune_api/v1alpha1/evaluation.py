"""spec.evaluation: what is measured, when, and what must be reached."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from finetune_api.models import ApiModel
from finetune_api.rules import Rule
from finetune_api.sources import ModelUri
from finetune_api.v1alpha1.dataset import TrainData
from finetune_api.v1alpha1.fields import ColumnName, UniqueList
from finetune_api.v1alpha1.metrics import MetricName

Interval = Literal["Epoch", "Steps"]
Probe = Annotated[str, Field(min_length=1, max_length=2000)]

STEPS_FOR_STEPS: tuple[Rule, ...] = (
    Rule(
        cel="self.every != 'Steps' || has(self.everySteps)",
        holds=lambda e: e.every != "Steps" or e.every_steps is not None,
        message="every is Steps but everySteps is missing: set everySteps, for example 500",
    ),
    Rule(
        cel="self.every == 'Steps' || !has(self.everySteps)",
        holds=lambda e: e.every == "Steps" or e.every_steps is None,
        message=(
            "everySteps is {everySteps} but every is {every}: set every to Steps or remove"
            " everySteps"
        ),
    ),
)


class Generation(ApiModel):
    """How texts are written while evaluating."""

    max_new_tokens: int = Field(
        default=64, ge=1, le=4096, description="Tokens of an answer, at most."
    )
    beams: int = Field(
        default=1, ge=1, le=16, description="Beams of the search; 1 is greedy and fastest."
    )


class Forgetting(TrainData):
    """General data in the columns of the task, scored by the untouched and by the tuned model.

    The untouched model must know the task: one that gets a new output layer has nothing to compare
    with, and the job is refused before it trains. Such a model is trained on the general data
    first, by a job of its own, whose model the next job names as model.source.
    """

    maximum_drop: float | None = Field(
        default=None,
        ge=0,
        le=1000,
        description=(
            "By how much the early-stopping metric may get worse there; more fails the job with"
            " QualityGateFailed. Unset: it is only reported."
        ),
    )


class Slices(ApiModel):
    """Groups of rows that must not be served much worse than others."""

    columns: UniqueList[ColumnName] = Field(
        min_length=1,
        max_length=8,
        description=(
            "Columns whose values make the groups, for example language or region. Only the rows"
            " that the model is judged by must have them. A column of one value, or of nearly one"
            " for each row, is an error."
        ),
    )
    minimum_rows: int = Field(
        default=20, ge=1, le=1_000_000, description="Groups of fewer rows are not compared."
    )
    maximum_gap: float | None = Field(
        default=None,
        ge=0,
        le=1000,
        description=(
            "The largest allowed difference of the early-stopping metric between the best and the"
            " worst group; more fails the job with QualityGateFailed. Unset: it is only reported."
        ),
    )


class Gate(ApiModel):
    """What the model must reach to be published; it is kept beside the checkpoints otherwise."""

    metric: MetricName | None = Field(
        default=None, description="The metric to judge by. Default: the early-stopping metric."
    )
    minimum: float | None = Field(
        default=None,
        ge=-1_000_000,
        le=1_000_000,
        description="The metric must be at least so good: no lower, or for errors no higher.",
    )
    beat_baseline: bool = Field(
        default=False, description="The metric must be better than that of the untouched model."
    )
    beat_model: ModelUri | None = Field(
        default=None,
        description=(
            "The metric must be no worse than that of this earlier model on the same rows, for"
            " example job://last-week. It must know the same labels, in any order; it is loaded and"
            " measured before training."
        ),
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.minimum) || self.beatBaseline || has(self.beatModel)",
            holds=lambda g: g.minimum is not None or g.beat_baseline or g.beat_model is not None,
            message="a gate without a condition: set minimum, beatBaseline or beatModel",
        ),
    )


class Evaluation(ApiModel):
    """What is measured on the validation rows, and when."""

    every: Interval = Field(
        default="Epoch", description="Measure after each epoch, or every everySteps steps."
    )
    every_steps: int | None = Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="Steps between two evaluations, with every: Steps.",
    )
    batch_size: int | None = Field(
        default=None,
        ge=1,
        le=16384,
        description="Rows per device while evaluating. Default: four times training.batchSize.",
    )
    metrics: UniqueList[MetricName] | None = Field(
        default=None,
        min_length=1,
        max_length=16,
        description=(
            "What to measure. Default: all metrics of the task. The metrics of earlyStopping and"
            " gate are always measured."
        ),
    )
    baseline: bool = Field(
        default=True,
        description=(
            "Measure first what the untouched model reaches (the most frequent label where it has"
            " no fitting output layer), on the same rows."
        ),
    )
    generation: Generation | None = Field(
        default=None,
        description="Seq2Seq: how texts are written while evaluating. Default: 64 tokens, greedy.",
    )
    max_answer_tokens: int | None = Field(
        default=None,
        ge=1,
        le=4096,
        description=(
            "QuestionAnswering: tokens of an answer, at most; a longer part of the context is not"
            " considered. Default: 30."
        ),
    )
    probes: UniqueList[Probe] = Field(
        default=[],
        max_length=20,
        description=(
            "Texts to try before and after training; the answers go into probes.json beside the"
            " model. A model that gets a new output layer has no answers before."
        ),
    )
    forgetting: Forgetting | None = Field(
        default=None,
        description=(
            "General data that is scored before and after training, by a model that knows the task"
            " already; one that gets a new output layer has nothing to compare with."
        ),
    )
    slices: Slices | None = Field(
        default=None,
        description="Groups that are measured one by one on the test rows, else the validation.",
    )
    gate: Gate | None = Field(
        default=None,
        description=(
            "What the model must reach on the test rows, else the validation rows, to be published."
            " One that does not is sealed as rejected-model beside the checkpoints."
        ),
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        *STEPS_FOR_STEPS,
        Rule(
            cel="self.baseline || !has(self.gate) || !self.gate.beatBaseline",
            holds=lambda e: e.baseline or e.gate is None or not e.gate.beat_baseline,
            message="gate.beatBaseline is true but baseline is false: set baseline to true",
        ),
        Rule(
            cel="self.baseline || size(self.probes) == 0",
            holds=lambda e: e.baseline or not e.probes,
            message="probes are tried before and after, but baseline is false: set it to true",
        ),
    )
