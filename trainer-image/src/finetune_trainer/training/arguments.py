"""spec.training as the Trainer of transformers wants it: one table, read from top to bottom.

`attempts` calls it. Where the Trainer has a way of its own that we do not trust (best model, NaN in
logs, signal handling), it is switched off here, with the reason.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainingArguments

from finetune_api.v1alpha1.job import FineTuneJobSpec
from finetune_api.v1alpha1.metrics import is_greater_better
from finetune_api.v1alpha1.training import OptimizerName, ScheduleType
from finetune_trainer.runtime import Machine
from finetune_trainer.training.plans import Plan

LOGS_PER_RUN = 100
SCHEDULES: dict[ScheduleType, str] = {
    "Linear": "linear",
    "Cosine": "cosine",
    "CosineWithRestarts": "cosine_with_restarts",
    "Polynomial": "polynomial",
    "Constant": "constant",
    "ConstantWithWarmup": "constant_with_warmup",
    "InverseSqrt": "inverse_sqrt",
    "ReduceOnPlateau": "reduce_lr_on_plateau",
    "WarmupStableDecay": "warmup_stable_decay",
}
OPTIMIZERS: dict[OptimizerName, dict[str, str]] = {
    "AdamW": {"optim": "adamw_torch_fused"},
    "Adafactor": {"optim": "adafactor"},
    "SGD": {"optim": "sgd", "optim_args": "momentum=0.9"},
}
CYCLES = 2
POWER = 2.0
PLATEAU_PATIENCE = 1
PLATEAU_FACTOR = 0.5
DECAY_SHARE = 0.2
"""The part of the steps in which WarmupStableDecay falls."""


def build_arguments(
    spec: FineTuneJobSpec, plan: Plan, machine: Machine, folder: Path
) -> TrainingArguments:
    """Translate a resolved spec.

    Args:
        spec: every default is filled in.
        plan: the steps.
        machine: device and arithmetic.
        folder: the checkpoints; the Trainer itself writes nothing there.
    """
    training, evaluation = spec.training, spec.evaluation
    table: dict[str, Any] = {
        # How long, how much at once.
        "max_steps": plan.maximum_steps,
        "per_device_train_batch_size": training.batch_size,
        "per_device_eval_batch_size": evaluation.batch_size or 4 * training.batch_size,
        "gradient_accumulation_steps": training.gradient_accumulation_steps,
        # The recipe.
        "learning_rate": training.learning_rate,
        "lr_scheduler_type": SCHEDULES[training.schedule.type],
        "lr_scheduler_kwargs": _choose_schedule_options(spec, plan),
        "warmup_steps": plan.warmup_steps,
        "weight_decay": training.weight_decay,
        "label_smoothing_factor": training.label_smoothing,
        "max_grad_norm": training.max_grad_norm,
        "neftune_noise_alpha": training.neftune_noise_alpha or None,
        **OPTIMIZERS[training.optimizer],
        "seed": training.seed,
        "data_seed": training.seed,
        # The hardware.
        "use_cpu": machine.device == "cpu",
        "bf16": machine.precision == "BFloat16",
        "fp16": machine.precision == "Float16",
        "activation_checkpointing": training.gradient_checkpointing,
        "torch_compile": training.compile,
        "dataloader_pin_memory": machine.device == "cuda",
        # The library refuses to save the optimizer of a model that is spread over ranks; we do.
        "save_only_model": spec.distribution.strategy == "FSDP",
        # When.
        "eval_strategy": _choose_evaluations(plan),
        "eval_steps": plan.evaluate_every,
        "save_strategy": "epoch" if plan.save_every is None else "steps",
        "save_steps": plan.save_every or 500,
        "logging_steps": max(1, plan.maximum_steps // LOGS_PER_RUN),
        # Only for ReduceOnPlateau; the best model is kept by checkpoints.best.
        "metric_for_best_model": spec.early_stopping.metric,
        "greater_is_better": is_greater_better(spec.early_stopping.metric or "loss"),
        "load_best_model_at_end": False,
        # A filtered loss hides that the weights are gone; GuardAgainstDivergence needs the truth.
        "logging_nan_inf_filter": False,
        # Returns normally on SIGTERM, as if training were done; LeaveWhenPreempted does not.
        "enable_jit_checkpoint": False,
        # Our rows hold exactly what the model takes.
        "remove_unused_columns": False,
        "label_names": ["labels"],
        "report_to": [],
        "disable_tqdm": True,
    }
    return TrainingArguments(output_dir=str(folder), **table)


def _choose_evaluations(plan: Plan) -> str:
    if plan.refit_steps is not None:
        return "no"
    return "epoch" if plan.evaluate_every is None else "steps"


def _choose_schedule_options(spec: FineTuneJobSpec, plan: Plan) -> dict[str, Any]:
    """Give the few schedules that cannot do without it their options."""
    options: dict[ScheduleType, Callable[[], dict[str, Any]]] = {
        # One cycle would be Cosine, and the first power would be Linear.
        "CosineWithRestarts": lambda: {"num_cycles": CYCLES},
        "Polynomial": lambda: {"power": POWER, "lr_end": 0.0},
        "WarmupStableDecay": lambda: {
            "num_decay_steps": max(1, round(plan.maximum_steps * DECAY_SHARE))
        },
        "ReduceOnPlateau": lambda: {
            "mode": "max" if is_greater_better(spec.early_stopping.metric or "loss") else "min",
            "factor": PLATEAU_FACTOR,
            "patience": PLATEAU_PATIENCE,
        },
    }
    return options.get(spec.training.schedule.type, dict)()
