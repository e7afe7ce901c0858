"""The status: what the operator knows about a job, small enough to be written every ten seconds."""

from typing import Literal

from pydantic import Field

from finetune_api.models import ReportedModel

MAX_HISTORY = 50
"""Points of the learning curve to keep: etcd rewrites the whole object on every patch."""
MAX_MESSAGE_LENGTH = 1024

ConditionType = Literal[
    "Accepted", "Queued", "Running", "Suspended", "EarlyStopped", "Complete", "Failed", "Finished"
]
State = Literal[
    "Pending", "Queued", "Suspended", "Starting", "Running", "Succeeded", "EarlyStopped", "Failed"
]
FINISHED_STATES: frozenset[State] = frozenset({"Succeeded", "EarlyStopped", "Failed"})


class Condition(ReportedModel):
    """One thing that is true, false or not known of a job, and since when."""

    type: ConditionType = Field(description="What the condition is about.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    reason: str = Field(max_length=128, description="Why, as one word for programs.")
    message: str = Field(
        max_length=MAX_MESSAGE_LENGTH, description="Why, in words, with the fix where one is known."
    )
    last_transition_time: str = Field(
        description="When the status last changed.", json_schema_extra={"format": "date-time"}
    )
    observed_generation: int = Field(description="The generation of the spec that was looked at.")


class Metric(ReportedModel):
    """One measured value."""

    name: str = Field(max_length=64, description="The metric.")
    value: float = Field(description="Its value, rounded to six digits.")


class Attempts(ReportedModel):
    """How often the job was begun."""

    started: int = Field(default=0, description="Attempts begun, the present one included.")
    failed: int = Field(default=0, description="Attempts that failed; spec.retries bounds them.")
    preempted: int = Field(
        default=0,
        description="Pods that were evicted or whose node went away; not counted as failed.",
    )
    resumed_from_step: int | None = Field(
        default=None, description="The step from which the present attempt went on."
    )


class Parameters(ReportedModel):
    """The size of the model."""

    total: int = Field(description="All weights.")
    trainable: int = Field(description="Weights that move.")


class Resolved(ReportedModel):
    """What the job really runs with: frozen at the first attempt, held to by later ones."""

    image: str | None = Field(default=None, max_length=512, description="The trainer image.")
    image_digest: str | None = Field(
        default=None, max_length=256, description="The digest that the node reports for it."
    )
    model_revision: str | None = Field(
        default=None,
        max_length=128,
        description="The commit or the fingerprint of the pre-trained model.",
    )
    dataset_fingerprint: str | None = Field(
        default=None, max_length=128, description="A hash over the rows of all parts."
    )
    config_hash: str | None = Field(
        default=None, max_length=64, description="A hash over the spec with all defaults."
    )
    seed: int | None = Field(default=None, description="The seed of every random choice.")
    precision: str | None = Field(
        default=None, max_length=16, description="The arithmetic that training uses."
    )
    effective_batch_size: int | None = Field(
        default=None, description="Rows per optimizer step, over all devices."
    )
    learning_rate: float | None = Field(default=None, description="The highest learning rate.")
    parameters: Parameters | None = Field(default=None, description="The size of the model.")
    memory_estimate: str | None = Field(
        default=None,
        max_length=256,
        description="What a training step was estimated to need, before the first one.",
    )
    rows: dict[str, int] | None = Field(
        default=None, max_length=8, description="Rows of each part."
    )
    labels: list[str] | None = Field(
        default=None, max_length=20, description="The labels, at most twenty."
    )
    models: dict[str, str] | None = Field(
        default=None,
        max_length=4,
        description="What each job:// source stands for: where that job's model lay.",
    )
    warnings: list[str] = Field(
        default=[], max_length=10, description="What the checks of recipe and data advise."
    )


class Progress(ReportedModel):
    """How far the present attempt is."""

    phase: str | None = Field(
        default=None,
        max_length=32,
        description=(
            "What the trainer does: Load, Validate, Baseline, Train, Evaluate, Test, Export."
        ),
    )
    fold: str | None = Field(
        default=None, max_length=16, description="The fold that is trained, such as 2/5."
    )
    step: int | None = Field(default=None, description="Optimizer steps done.")
    maximum_steps: int | None = Field(default=None, description="Optimizer steps in all.")
    steps: str | None = Field(default=None, max_length=32, description="Both, for display.")
    epoch: float | None = Field(default=None, description="Passes over the data done.")
    percent: int | None = Field(default=None, ge=0, le=100, description="Of the steps.")
    display: str | None = Field(
        default=None, max_length=16, description="The percentage, for display."
    )
    loss: float | None = Field(default=None, description="Training loss, last reported.")
    evaluation_loss: float | None = Field(
        default=None, description="Loss on the validation rows, last measured."
    )
    metric: str | None = Field(
        default=None, max_length=64, description="The leading metric, for display."
    )
    learning_rate: float | None = Field(
        default=None, description="The learning rate of the last step."
    )
    samples_per_second: float | None = Field(
        default=None, description="Rows per second while training."
    )
    eta: str | None = Field(
        default=None, max_length=16, description="Time to the last step, for display."
    )
    eta_seconds: int | None = Field(default=None, description="Seconds to the last step.")
    last_report_time: str | None = Field(
        default=None,
        description="When the trainer last reported.",
        json_schema_extra={"format": "date-time"},
    )


class EarlyStoppingStatus(ReportedModel):
    """What early stopping follows, and what came of it."""

    metric: str = Field(max_length=64, description="The metric that must improve.")
    best: float | None = Field(default=None, description="Its best value.")
    best_step: int | None = Field(default=None, description="The step of the best value.")
    patience_remaining: int | None = Field(
        default=None, description="Evaluations left without an improvement."
    )
    stopped: bool = Field(default=False, description="Whether training stopped early.")
    reason: str | None = Field(
        default=None, max_length=64, description="NoImprovement, TargetReached or TimeBudget."
    )
    stopped_step: int | None = Field(default=None, description="The step at which it stopped.")
    steps_saved: int | None = Field(default=None, description="Steps that did not have to be done.")


class FoldMetric(ReportedModel):
    """One metric over the folds of a cross-validation."""

    name: str = Field(max_length=64, description="The metric.")
    mean: float = Field(description="Its mean over the folds.")
    standard_deviation: float = Field(description="How far the folds are apart.")
    folds: int = Field(description="Folds that were measured.")


class ForgettingMetric(ReportedModel):
    """One metric on general data, before and after."""

    name: str = Field(max_length=64, description="The metric.")
    before: float = Field(description="Of the untouched model.")
    after: float = Field(description="Of the tuned model.")
    drop: float = Field(description="By how much it got worse; negative when it got better.")


class SliceGap(ReportedModel):
    """The best and the worst group of one column."""

    column: str = Field(max_length=128, description="The column that makes the groups.")
    metric: str = Field(max_length=64, description="The metric that is compared.")
    best: str = Field(max_length=128, description="The group that is served best.")
    best_value: float = Field(description="Its metric.")
    worst: str = Field(max_length=128, description="The group that is served worst.")
    worst_value: float = Field(description="Its metric.")
    gap: float = Field(description="The difference.")


class Metrics(ReportedModel):
    """What was measured, before, at the best step, and on the test rows."""

    baseline: list[Metric] | None = Field(
        default=None, max_length=16, description="The untouched model on the validation rows."
    )
    best: list[Metric] | None = Field(
        default=None, max_length=16, description="The kept model on the validation rows."
    )
    test_baseline: list[Metric] | None = Field(
        default=None, max_length=16, description="The untouched model on the test rows."
    )
    test: list[Metric] | None = Field(
        default=None, max_length=16, description="The kept model on the test rows."
    )
    folds: list[FoldMetric] | None = Field(
        default=None, max_length=16, description="Mean and spread over the folds."
    )
    forgetting: list[ForgettingMetric] | None = Field(
        default=None, max_length=16, description="General data, before and after."
    )
    slices: list[SliceGap] | None = Field(
        default=None, max_length=8, description="The worst gap of each column of groups."
    )


class HistoryPoint(ReportedModel):
    """One point of the learning curve."""

    step: int = Field(description="Optimizer steps done.")
    loss: float | None = Field(default=None, description="Training loss.")
    evaluation_loss: float | None = Field(default=None, description="Loss on the validation rows.")
    metric: float | None = Field(default=None, description="The early-stopping metric.")


class CheckpointStatus(ReportedModel):
    """The newest checkpoint that was written whole."""

    step: int = Field(description="The step it holds.")
    path: str | None = Field(default=None, max_length=1024, description="Where it lies.")


class Artifact(ReportedModel):
    """Something that the job leaves."""

    name: str = Field(max_length=64, description="What it is: model, metrics, checkpoints.")
    uri: str = Field(max_length=1024, description="Where it lies.")
    sha256: str | None = Field(default=None, max_length=64, description="The hash of its manifest.")
    bytes: int | None = Field(default=None, description="Its size.")
    revision: str | None = Field(
        default=None, max_length=64, description="The commit, of a model on a hub."
    )


class Cost(ReportedModel):
    """What the job used."""

    gpu_seconds: int = Field(default=0, description="GPUs times seconds, over all attempts.")
    cpu_seconds: int = Field(default=0, description="Seconds of CPU time that the trainer used.")
    saved_by_early_stopping_seconds: int | None = Field(
        default=None, description="Training time that early stopping saved, estimated."
    )


class Failure(ReportedModel):
    """Why the job failed, and what to do."""

    reason: str = Field(max_length=128, description="The kind of failure, as one word.")
    message: str = Field(max_length=MAX_MESSAGE_LENGTH, description="What happened.")
    hint: str | None = Field(default=None, max_length=512, description="What to do about it.")
    exit_code: int | None = Field(default=None, description="The exit code of the trainer.")
    pod_name: str | None = Field(
        default=None, max_length=253, description="The pod that failed; its logs may tell more."
    )
    node_name: str | None = Field(default=None, max_length=253, description="The node it ran on.")


class FineTuneJobStatus(ReportedModel):
    """How a job goes. Conditions are for programs, state and the display fields for people."""

    observed_generation: int | None = Field(
        default=None, description="The generation of the spec that was looked at."
    )
    state: State | None = Field(
        default=None, description="A summary for people, derived from the conditions."
    )
    conditions: list[Condition] = Field(
        default=[],
        max_length=10,
        description="What is true of the job; wait for Finished.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    start_time: str | None = Field(
        default=None,
        description="When the first attempt began.",
        json_schema_extra={"format": "date-time"},
    )
    completion_time: str | None = Field(
        default=None, description="When the job ended.", json_schema_extra={"format": "date-time"}
    )
    job_name: str | None = Field(
        default=None, max_length=63, description="The batch Job of the present attempt."
    )
    pod_names: list[str] = Field(
        default=[],
        max_length=16,
        description="The pods of the present attempt, the leader first; at most sixteen of them.",
    )
    attempts: Attempts | None = Field(default=None, description="How often the job was begun.")
    resolved: Resolved | None = Field(default=None, description="What the job really runs with.")
    progress: Progress | None = Field(default=None, description="How far the present attempt is.")
    early_stopping: EarlyStoppingStatus | None = Field(
        default=None, description="What early stopping follows."
    )
    metrics: Metrics | None = Field(default=None, description="What was measured.")
    history: list[HistoryPoint] = Field(
        default=[],
        max_length=MAX_HISTORY,
        description="The learning curve, thinned to fifty points.",
    )
    checkpoint: CheckpointStatus | None = Field(
        default=None, description="The newest whole checkpoint."
    )
    artifacts: list[Artifact] = Field(
        default=[], max_length=16, description="What the job leaves, and where."
    )
    cost: Cost | None = Field(default=None, description="What the job used.")
    failure: Failure | None = Field(default=None, description="Why the job failed.")
