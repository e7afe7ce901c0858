"""spec.training and spec.earlyStopping: how gently, how long, and when to stop."""

from typing import ClassVar, Literal

from pydantic import Field

from finetune_api.models import ApiModel
from finetune_api.rules import Rule
from finetune_api.v1alpha1.metrics import MetricName

ScheduleType = Literal[
    "Linear",
    "Cosine",
    "CosineWithRestarts",
    "Polynomial",
    "Constant",
    "ConstantWithWarmup",
    "InverseSqrt",
    "ReduceOnPlateau",
    "WarmupStableDecay",
]
OptimizerName = Literal["AdamW", "Adafactor", "SGD"]
Precision = Literal["Auto", "Float32", "BFloat16", "Float16"]


class Schedule(ApiModel):
    """How the learning rate rises and falls."""

    type: ScheduleType = Field(
        default="Linear",
        description=(
            "The shape of the learning rate after the warm-up. Polynomial falls with the square of"
            " the steps that are left, CosineWithRestarts falls twice, WarmupStableDecay falls in"
            " the last fifth, and ReduceOnPlateau halves it after two evaluations without an"
            " improvement."
        ),
    )
    warmup_ratio: float | None = Field(
        default=None,
        ge=0,
        le=0.5,
        description=(
            "The part of all steps in which the learning rate rises from zero. Default: 0.06 where"
            " the type has a warm-up."
        ),
    )
    warmup_steps: int | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        description="The warm-up as a number of steps, instead of warmupRatio.",
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!(has(self.warmupRatio) && has(self.warmupSteps))",
            holds=lambda s: s.warmup_ratio is None or s.warmup_steps is None,
            message=(
                "warmupRatio is {warmupRatio} and warmupSteps is {warmupSteps}: set only one of"
                " them"
            ),
        ),
        Rule(
            cel=(
                "!(self.type in ['Constant', 'ReduceOnPlateau'] && (has(self.warmupRatio) ||"
                " has(self.warmupSteps)))"
            ),
            holds=lambda s: (
                s.type not in ("Constant", "ReduceOnPlateau")
                or (s.warmup_ratio is None and s.warmup_steps is None)
            ),
            message=(
                "type {type} has no warm-up: remove warmupRatio and warmupSteps or use another"
                " type, such as ConstantWithWarmup"
            ),
        ),
    )


class Training(ApiModel):
    """The recipe. Every default is what a careful practitioner would choose."""

    epochs: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Passes over the training data. Default: 3, unless maxSteps is given.",
    )
    max_steps: int | None = Field(
        default=None, ge=1, le=100_000_000, description="Optimizer steps in all, instead of epochs."
    )
    batch_size: int = Field(default=16, ge=1, le=4096, description="Rows per device and step.")
    gradient_accumulation_steps: int = Field(
        default=1,
        ge=1,
        le=1024,
        description="Batches to add up before each optimizer step; saves memory.",
    )
    learning_rate: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description=(
            "The highest learning rate. Default: 2e-5 for method Full, lower than in pre-training;"
            " more where fewer weights move: 1e-3 for FeatureExtraction and LoRA, 2e-4 for QLoRA,"
            " 3e-3 for IA3, 1e-2 for PromptTuning and PrefixTuning."
        ),
    )
    head_learning_rate: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description=(
            "A higher learning rate for the new output layer, for example 1e-3. Default:"
            " learningRate."
        ),
    )
    layerwise_learning_rate_decay: float = Field(
        default=1,
        gt=0,
        le=1,
        description=(
            "Each layer learns at this factor of the layer above it, so that the lowest move least;"
            " 1 turns it off, 0.9 is common."
        ),
    )
    schedule: Schedule = Field(
        default=Schedule(), description="How the learning rate rises and falls."
    )
    weight_decay: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Pulls weights towards zero against overfitting; not on bias and norm.",
    )
    label_smoothing: float = Field(
        default=0,
        ge=0,
        le=0.9,
        description="Probability that is spread over the other labels, against overconfidence.",
    )
    max_grad_norm: float = Field(
        default=1, ge=0, le=1000, description="Gradients longer than this are cut; 0 turns it off."
    )
    neftune_noise_alpha: float = Field(
        default=0,
        ge=0,
        le=100,
        description="Noise on the embeddings while training (NEFTune), often 5; 0 turns it off.",
    )
    optimizer: OptimizerName = Field(
        default="AdamW",
        description=(
            "AdamW; Adafactor needs less memory; SGD is plain gradient descent with momentum 0.9."
        ),
    )
    precision: Precision = Field(
        default="Auto",
        description=(
            "Arithmetic while training; the weights stay Float32. Auto takes BFloat16 where the"
            " hardware has it."
        ),
    )
    max_length: int | None = Field(
        default=None,
        ge=8,
        le=131_072,
        description=(
            "Tokens per text; what is longer is cut, and the report says how much. Default: 512, or"
            " what the model can take."
        ),
    )
    max_target_length: int | None = Field(
        default=None,
        ge=1,
        le=16_384,
        description="Seq2Seq: tokens per target; longer ones are cut. Default: 128.",
    )
    document_stride: int | None = Field(
        default=None,
        ge=1,
        le=4096,
        description=(
            "QuestionAnswering: tokens that two windows of a long context share. Default: 128."
        ),
    )
    masking_probability: float | None = Field(
        default=None,
        ge=0.01,
        le=0.9,
        description="MaskedLM: the share of tokens to guess. Default: 0.15.",
    )
    packing: bool = Field(
        default=False,
        description=(
            "CausalLM and InstructionTuning: put several rows into one sequence of maxLength tokens"
            " instead of padding; each row still sees only itself."
        ),
    )
    gradient_checkpointing: bool = Field(
        default=False,
        description="Compute activations twice instead of keeping them: slower, much less memory.",
    )
    compile: bool = Field(
        default=False,
        description=(
            "Compile the model with torch.compile: minutes of start, then faster steps on GPUs."
        ),
    )
    seed: int = Field(
        default=42,
        ge=0,
        le=2_147_483_647,
        description="Decides every random choice: split, order, new weights, dropout.",
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!(has(self.epochs) && has(self.maxSteps))",
            holds=lambda t: t.epochs is None or t.max_steps is None,
            message="epochs is {epochs} and maxSteps is {maxSteps}: set only one of them",
        ),
        Rule(
            cel=(
                "!has(self.maxSteps) || !has(self.schedule.warmupSteps) ||"
                " self.schedule.warmupSteps < self.maxSteps"
            ),
            holds=lambda t: (
                t.max_steps is None
                or t.schedule.warmup_steps is None
                or t.schedule.warmup_steps < t.max_steps
            ),
            message=(
                "schedule.warmupSteps is {schedule.warmupSteps} but maxSteps is {maxSteps}: the"
                " learning rate would never reach its peak; lower warmupSteps"
            ),
        ),
    )


class EarlyStopping(ApiModel):
    """When to stop before the last epoch, and which model counts as the best."""

    enabled: bool = Field(
        default=True, description="false trains to the end; the best model is kept all the same."
    )
    metric: MetricName | None = Field(
        default=None,
        description=(
            "What must improve; its direction is known. Default: the main metric of the task."
        ),
    )
    patience: int = Field(
        default=3,
        ge=1,
        le=100,
        description=(
            "Evaluations without an improvement of more than minDelta before training stops."
        ),
    )
    min_delta: float = Field(
        default=0,
        ge=0,
        le=1000,
        description="What counts as an improvement over the best value so far.",
    )
    warmup_evaluations: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="Evaluations at the start that patience does not count.",
    )
    target: float | None = Field(
        default=None,
        ge=-1000,
        le=1000,
        description="Stop as soon as the metric is at least this good.",
    )
    time_budget_seconds: int | None = Field(
        default=None,
        ge=10,
        le=31_536_000,
        description=(
            "Stop after the evaluation that follows so many seconds of training, all attempts"
            " together, and keep the best model. Evaluations, checkpoints and what a lost pod did"
            " since its last checkpoint do not count. Folds and the training on all rows share it:"
            " each may take an equal part, and what those before it have left."
        ),
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="self.enabled || !has(self.target)",
            holds=lambda e: e.enabled or e.target is None,
            message=(
                "target is {target} but enabled is false: remove target or enable early stopping"
            ),
        ),
        Rule(
            cel="self.enabled || !has(self.timeBudgetSeconds)",
            holds=lambda e: e.enabled or e.time_budget_seconds is None,
            message=(
                "timeBudgetSeconds is {timeBudgetSeconds} but enabled is false: remove"
                " timeBudgetSeconds or enable early stopping"
            ),
        ),
    )
