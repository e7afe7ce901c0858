"""What is printed when a run has ended: the comparison, the model, and how to go on.

Pure: each function gives what rich can print. The command `run` prints them in order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table
from rich.text import Text

from finetune_api.v1alpha1 import FineTuneJobSpec
from finetune_api.v1alpha1.metrics import LOWER_IS_BETTER
from finetune_api.v1alpha1.status import Metric, Metrics
from finetune_api.v1alpha1.tasks import TASK_TRAITS, TaskName
from kubectl_finetune.local.endings import Ending
from kubectl_finetune.rendering import sentences

_TRIALS: dict[TaskName, str] = {
    "TextClassification": '"I would watch it again."',
    "TextRegression": '"I would watch it again."',
    "TokenClassification": '"Ada Lovelace was born in London."',
    "CausalLM": '"Once upon a time"',
    "InstructionTuning": '[{"role": "user", "content": "What can you do?"}]',
    "MaskedLM": 'f"This film is {model.tokenizer.mask_token}."',
    "ImageClassification": '"image.jpg"',
    "ObjectDetection": '"image.jpg"',
    "AudioClassification": '"sound.wav"',
    "SpeechRecognition": '"speech.wav"',
}
"""What to try a model with, for the tasks that transformers has a pipeline for."""


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands that a summary names.

    Attributes:
        again: the command that was typed, to go on with.
        apply: the command that runs the same job in a cluster.
    """

    again: str
    apply: str


def build_comparison(metrics: Metrics) -> Table | None:
    """Set the untouched model beside the kept one, on validation and test rows."""
    pairs = {
        "validation": (metrics.baseline, metrics.best),
        "test": (metrics.test_baseline, metrics.test),
    }
    measured = {part: pair for part, pair in pairs.items() if pair[1]}
    if not measured:
        return None
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("")
    for part in measured:
        for column in (f"{part}: before", "after", "change"):
            table.add_column(column, justify="right", no_wrap=True)
    names = dict.fromkeys(m.name for _, after in measured.values() for m in after or ())
    for name in names:
        cells = [cell for pair in measured.values() for cell in _compare(name, *pair)]
        table.add_row(name, *cells)
    return table


def _compare(
    name: str, before: list[Metric] | None, after: list[Metric] | None
) -> tuple[str, str, Text]:
    was, now = _find(name, before), _find(name, after)
    change = Text("")
    if was is not None and now is not None:
        is_better = (now < was) if name in LOWER_IS_BETTER else (now > was)
        style = "green" if is_better else "red" if now != was else "dim"
        change = Text(f"{now - was:+.3f}", style=style)
    return _format(was), _format(now), change


def _find(name: str, metrics: list[Metric] | None) -> float | None:
    return next((metric.value for metric in metrics or () if metric.name == name), None)


def _format(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"  # noqa: RUF001 - a dash for what is not there


def list_next_steps(task: TaskName, model: Path, commands: Commands) -> Iterator[str]:
    """Say where the model is, how to load it and how to go on."""
    trial = _TRIALS.get(task)
    if trial is None:
        yield f"The model is in {model}; its README.md says how to load it."
    else:
        yield f"The model is in {model}. Try it:"
        yield ""
        yield "    from transformers import pipeline"
        yield f'    model = pipeline("{TASK_TRAITS[task].pipeline}", "{model}")'
        yield f"    print(model({trial}))"
    yield ""
    yield f"To train on from it, set spec.model.source to file://{model.absolute()}"
    yield f"To run the same job in a cluster: {commands.apply}"


def list_interruption(ending: Ending, commands: Commands) -> Iterator[str]:
    """Say what an interrupted run keeps and how to go on."""
    report = ending.outcome.report
    checkpoint = report.checkpoint if report is not None else None
    if checkpoint is None:
        yield "Stopped before the first checkpoint; nothing is kept."
    else:
        yield f"Stopped; the checkpoint of step {checkpoint.step} is kept."
    yield f"To go on: {commands.again}"


def list_failure(ending: Ending, *, log: Path, log_tail: Sequence[str]) -> Iterator[str]:
    """Say why a run failed, what to do, and where to read more."""
    outcome = ending.outcome
    yield f"{outcome.reason}: {outcome.message}"
    if outcome.hint:
        yield f"hint: {outcome.hint}"
    if log_tail:
        yield ""
        yield f"The end of {log}:"
        yield from (f"    {line}" for line in log_tail)


def describe_success(ending: Ending, spec: FineTuneJobSpec) -> str:
    """Give the first line of the summary: why training stopped, and how long it took."""
    report = ending.outcome.report
    if report is None:
        return "The model is trained."
    text = sentences.describe_end_of_training(report, spec)
    text = f"{text[0].upper()}{text[1:]}."
    if report.train_seconds:
        text += f" Training took {sentences.format_duration(report.train_seconds)}."
    return text
