"""The rules of a spec that span several of its parts, other than those of `effects`."""

from typing import TYPE_CHECKING, Any

from finetune_api.rules import Rule, look_up

if TYPE_CHECKING:
    from finetune_api.v1alpha1.job import FineTuneJobSpec

_SOURCES = (
    "model.source",
    "model.tokenizerSource",
    "dataset.train.source",
    "dataset.validation.source",
    "dataset.test.source",
    "dataset.replay.source",
    "evaluation.forgetting.source",
    "evaluation.gate.beatModel",
)
_FOLDERS = {
    "ImageFolder": ("ImageClassification", "ObjectDetection"),
    "AudioFolder": ("AudioClassification", "SpeechRecognition"),
}
_TEXT_PROMPTS = (
    "TextClassification",
    "TextRegression",
    "TokenClassification",
    "Seq2Seq",
    "CausalLM",
    "InstructionTuning",
)


def _has(path: str) -> str:
    """Ask in CEL whether a field is set, and every part of its path."""
    parts = path.split(".")
    return " && ".join(f"has(self.{'.'.join(parts[:n])})" for n in range(2, len(parts) + 1))


def _opens_something(spec: "FineTuneJobSpec") -> bool:
    uris: list[Any] = [look_up(spec, path) for path in _SOURCES]
    return any(str(uri).startswith(("hf://", "s3://")) for uri in uris if uri)


def _need_folders(name: str) -> Rule:
    tasks = _FOLDERS[name]
    known = ", ".join(f"'{task}'" for task in tasks)
    return Rule(
        cel=f"self.dataset.train.format != '{name}' || self.task in [{known}]",
        holds=lambda s: s.dataset.train.format != name or s.task in tasks,
        message=(
            f"dataset.train.format is {name}, which task {{task}} cannot read: it belongs to"
            f" {' and '.join(tasks)}; use CSV, JSONL or Parquet"
        ),
    )


SPEC_RULES: tuple[Rule, ...] = (
    Rule(
        cel="self.training.precision != 'Float16' || self.resources.gpusPerNode > 0",
        holds=lambda s: s.training.precision != "Float16" or s.resources.gpus_per_node > 0,
        message=(
            "training.precision is {training.precision} but resources.gpusPerNode is "
            "{resources.gpusPerNode}: Float16 needs a GPU; use BFloat16 or Auto"
        ),
    ),
    Rule(
        cel="self.method.type != 'QLoRA' || self.resources.gpusPerNode > 0",
        holds=lambda s: s.method.type != "QLoRA" or s.resources.gpus_per_node > 0,
        message=(
            "method.type is {method.type} but resources.gpusPerNode is {resources.gpusPerNode}:"
            " a model in four bits needs a GPU; use LoRA, or ask for a GPU"
        ),
    ),
    Rule(
        cel=(
            "!(self.method.type in ['PromptTuning', 'PrefixTuning']) || self.task in ["
            + ", ".join(f"'{task}'" for task in _TEXT_PROMPTS)
            + "]"
        ),
        holds=lambda s: (
            s.method.type not in ("PromptTuning", "PrefixTuning") or s.task in _TEXT_PROMPTS
        ),
        message=(
            "method.type {method.type} puts virtual tokens before a text, which task {task} has no"
            " place for: use LoRA"
        ),
    ),
    Rule(
        cel=(
            "!('MergedAdapter' in self.output.formats) || self.method.type in ["
            "'LoRA', 'QLoRA', 'IA3']"
        ),
        holds=lambda s: (
            "MergedAdapter" not in s.output.formats or s.method.type in ("LoRA", "QLoRA", "IA3")
        ),
        message=(
            "output.formats names MergedAdapter, but method.type {method.type} has no adapter that"
            " can be built into the model: remove MergedAdapter"
        ),
    ),
    Rule(
        cel=f"!{_has('model.credentialsSecretName')} || "
        + " || ".join(
            f"({_has(path)} && (self.{path}.startsWith('hf://') ||"
            f" self.{path}.startsWith('s3://')))"
            for path in _SOURCES
        ),
        holds=lambda s: s.model.credentials_secret_name is None or _opens_something(s),
        message=(
            "model.credentialsSecretName is {model.credentialsSecretName}, but no source is hf://"
            " or s3://: remove credentialsSecretName"
        ),
    ),
    *(_need_folders(name) for name in _FOLDERS),
)
