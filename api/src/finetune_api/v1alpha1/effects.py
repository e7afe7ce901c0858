"""Where each field has an effect: one row for every field that does nothing for some tasks.

A field that is accepted and ignored is the worst kind of answer, so `job` turns every row into a
rule that refuses the field by name where it would do nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from finetune_api.rules import Rule, look_up
from finetune_api.v1alpha1.augmentation import (
    AUDIO_AUGMENTATIONS,
    IMAGE_AUGMENTATIONS,
    TEXT_AUGMENTATIONS,
)
from finetune_api.v1alpha1.metrics import MetricName
from finetune_api.v1alpha1.tasks import (
    COLUMN_ROLES,
    TASK_TRAITS,
    TaskName,
    list_tasks_reading,
    list_tasks_taking,
)


@dataclass(frozen=True, slots=True)
class Effect:
    """A field, and the tasks for which it does something.

    Attributes:
        path: the field under spec, as in YAML; every part but the last has a default.
        tasks: where it works.
        off: the value that turns it off; None for a field that is unset by default.
    """

    path: str
    tasks: tuple[TaskName, ...]
    off: float | bool | tuple[()] | None = None


_TEXT = list_tasks_taking("Text")
_IMAGE = list_tasks_taking("Image")
_AUDIO = list_tasks_taking("Audio")
_LABELED = tuple(name for name, traits in TASK_TRAITS.items() if traits.has_labels)
_CAUSAL: tuple[TaskName, ...] = ("CausalLM", "InstructionTuning")
_PLAIN_TEXT = tuple(t for t in list_tasks_reading("text"))
_SPAN: tuple[TaskName, ...] = ("TokenClassification", "QuestionAnswering", "InstructionTuning")
_AUGMENTED_TEXT = tuple(task for task in _TEXT if task not in _SPAN)
_SMOOTHED: tuple[TaskName, ...] = (
    "TextClassification",
    "TokenClassification",
    "Seq2Seq",
    "CausalLM",
    "InstructionTuning",
    "MaskedLM",
    "ImageClassification",
    "AudioClassification",
)
_PROBED = tuple(task for task in _TEXT if task not in ("QuestionAnswering",))

EFFECTS: tuple[Effect, ...] = (
    *(Effect(f"dataset.columns.{role}", list_tasks_reading(role)) for role in COLUMN_ROLES),
    Effect("model.tokenizerSource", (*_TEXT, "SpeechRecognition")),
    Effect("dataset.textTemplate", _PLAIN_TEXT),
    Effect("dataset.labels", _LABELED),
    *(Effect(f"dataset.augmentation.{n}", _AUGMENTED_TEXT, off=0.0) for n in TEXT_AUGMENTATIONS),
    *(
        Effect(f"dataset.augmentation.{n}", _IMAGE, off=1.0 if n == "minimumCrop" else 0.0)
        for n in IMAGE_AUGMENTATIONS
        if n != "rotationDegrees"
    ),
    # The box around a turned object is no longer tight.
    Effect("dataset.augmentation.rotationDegrees", ("ImageClassification",), off=0.0),
    *(Effect(f"dataset.augmentation.{n}", _AUDIO, off=0.0) for n in AUDIO_AUGMENTATIONS),
    Effect("training.labelSmoothing", _SMOOTHED, off=0.0),
    Effect("training.neftuneNoiseAlpha", _TEXT, off=0.0),
    Effect("training.maxLength", _TEXT),
    Effect("training.maxTargetLength", ("Seq2Seq",)),
    Effect("training.documentStride", ("QuestionAnswering",)),
    Effect("training.maskingProbability", ("MaskedLM",)),
    Effect("training.packing", _CAUSAL, off=False),
    Effect("evaluation.generation", ("Seq2Seq",)),
    Effect("evaluation.maxAnswerTokens", ("QuestionAnswering",)),
    Effect("evaluation.probes", _PROBED, off=()),
)


def build_effect_rules() -> tuple[Rule, ...]:
    """Give a rule for each row of the table, and for the metrics of each task."""
    return (
        *(_refuse_elsewhere(effect) for effect in EFFECTS if len(effect.tasks) < len(TASK_TRAITS)),
        *_bound_metrics(),
    )


def _refuse_elsewhere(effect: Effect) -> Rule:
    tasks = _quote(effect.tasks)
    return Rule(
        cel=f"{_unset_in_cel(effect)} || self.task in [{tasks}]",
        holds=lambda spec: spec.task in effect.tasks or _is_unset(spec, effect),
        message=(
            f"{effect.path} has no effect for task {{task}}: remove it; it belongs to"
            f" {', '.join(effect.tasks)}"
        ),
    )


def _unset_in_cel(effect: Effect) -> str:
    if effect.off is None:
        return f"!has(self.{effect.path})"
    if effect.off == ():
        return f"size(self.{effect.path}) == 0"
    if isinstance(effect.off, bool):
        return f"!self.{effect.path}"
    return f"self.{effect.path} == {effect.off}"


def _is_unset(spec: Any, effect: Effect) -> bool:
    value = look_up(spec, effect.path)
    return not value if effect.off == () else bool(value == effect.off)


def _bound_metrics() -> Iterator[Rule]:
    for task, traits in TASK_TRAITS.items():
        yield _bound_metric(task, "earlyStopping.metric", traits.metrics)
        yield _bound_metric(task, "evaluation.gate.metric", traits.metrics)
        yield _bound_measured(task, traits.metrics)


def _bound_measured(task: TaskName, metrics: tuple[MetricName, ...]) -> Rule:
    return Rule(
        cel=(
            f"self.task != '{task}' || !has(self.evaluation.metrics) ||"
            f" self.evaluation.metrics.all(name, name in [{_quote(metrics)}])"
        ),
        holds=lambda s: s.task != task or set(s.evaluation.metrics or ()) <= set(metrics),
        message=(
            f"evaluation.metrics is {{evaluation.metrics}}, but task {task} measures"
            f" {', '.join(metrics)}: name some of those"
        ),
    )


def _bound_metric(task: TaskName, path: str, metrics: tuple[MetricName, ...]) -> Rule:
    parts = path.split(".")
    given = " && ".join(f"has(self.{'.'.join(parts[:n])})" for n in range(2, len(parts) + 1))
    return Rule(
        cel=f"self.task != '{task}' || !({given}) || self.{path} in [{_quote(metrics)}]",
        holds=lambda spec: spec.task != task or look_up(spec, path) in (None, *metrics),
        message=(
            f"{path} is {{{path}}}, but task {task} measures {', '.join(metrics)}: name one of"
            " those"
        ),
    )


def _quote(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)
