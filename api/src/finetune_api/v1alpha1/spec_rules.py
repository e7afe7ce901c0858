"""The rules of a spec that span several of its parts, other than those of `effects`."""

from typing import TYPE_CHECKING, Any

from finetune_api.rules import Rule, look_up
from finetune_api.v1alpha1.augmentation import TEXT_AUGMENTATIONS
from finetune_api.v1alpha1.method_rules import build_method_rules
from finetune_api.v1alpha1.spec_sources import SOURCE_FIELDS

if TYPE_CHECKING:
    from finetune_api.v1alpha1.job import FineTuneJobSpec

_OPENED = (*SOURCE_FIELDS, "output.destination")
# What another job made may lie in a bucket or on a hub, which is known only when it has ended.
_LOCKED = ("hf://", "s3://", "job://")
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


def needs_credentials(spec: "FineTuneJobSpec") -> bool:
    """Tell whether a spec names anything that credentials could open."""
    uris: list[Any] = [look_up(spec, path) for path in _OPENED]
    return any(str(uri).startswith(_LOCKED) for uri in uris if uri)


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


_SHARDED_METHODS = ("Full", "LoRA")
_NOT_SHARDED: tuple[tuple[str, Any, str], ...] = (
    ("training.compile", False, "a compiler sees the parts of a model and not the whole"),
    ("training.packing", False, "packed rows were not tried with it"),
)


def _refuse_sharded(path: str, off: Any, reason: str) -> Rule:
    return Rule(
        cel=f"self.distribution.strategy != 'FSDP' || self.{path} == {str(off).lower()}",
        holds=lambda s: s.distribution.strategy != "FSDP" or look_up(s, path) == off,
        message=(
            f"{path} is {{{path}}}, but distribution.strategy is FSDP: {reason}; remove it, or use"
            " DDP"
        ),
    )


_WRITING_TASKS = ("Seq2Seq", "CausalLM", "InstructionTuning")
SPEC_RULES: tuple[Rule, ...] = (
    Rule(
        cel=(
            "!('ONNX' in self.output.formats) || !(self.task in ["
            + ", ".join(f"'{task}'" for task in _WRITING_TASKS)
            + "])"
        ),
        holds=lambda s: "ONNX" not in s.output.formats or s.task not in _WRITING_TASKS,
        message=(
            "output.formats names ONNX, but a model for task {task} answers in many passes, which"
            " ONNX does not hold: remove ONNX"
        ),
    ),
    Rule(
        cel=(
            "!('ONNX' in self.output.formats) || !(self.method.type in ['PromptTuning',"
            " 'PrefixTuning'])"
        ),
        holds=lambda s: (
            "ONNX" not in s.output.formats or s.method.type not in ("PromptTuning", "PrefixTuning")
        ),
        message=(
            "output.formats names ONNX, but method.type {method.type} trains virtual tokens that"
            " cannot be built into the model: remove ONNX or use LoRA"
        ),
    ),
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
            f"({_has(path)} && self.{path}.matches(r'^(hf|s3|job)://'))" for path in _OPENED
        ),
        holds=lambda s: s.model.credentials_secret_name is None or needs_credentials(s),
        message=(
            "model.credentialsSecretName is {model.credentialsSecretName}, but no source and no"
            " destination is hf://, s3:// or job://: remove credentialsSecretName"
        ),
    ),
    Rule(
        cel=(
            f"!({_has('output.destination')} && self.output.destination.startsWith('hf://'))"
            f" || {_has('model.credentialsSecretName')}"
        ),
        holds=lambda s: (
            not (s.output.destination or "").startswith("hf://")
            or s.model.credentials_secret_name is not None
        ),
        message=(
            "output.destination is {output.destination}, which nobody may write without a token:"
            " put one into a Secret under the key token and name it in model.credentialsSecretName"
        ),
    ),
    Rule(
        cel="self.training.labelSmoothing == 0.0 || !has(self.dataset.columns.labels)",
        holds=lambda s: s.training.label_smoothing == 0 or s.dataset.columns.labels is None,
        message=(
            "training.labelSmoothing is {training.labelSmoothing}, which spreads one label over the"
            " others, but dataset.columns.labels gives a row several: remove labelSmoothing"
        ),
    ),
    Rule(
        cel=(
            "self.training.schedule.type != 'ReduceOnPlateau' ||"
            " !has(self.dataset.validation.folds)"
        ),
        holds=lambda s: (
            s.training.schedule.type != "ReduceOnPlateau" or s.dataset.validation.folds is None
        ),
        message=(
            "training.schedule.type is {training.schedule.type} and dataset.validation.folds is"
            " {dataset.validation.folds}: the last training, on all rows, has nothing to measure"
            " that the learning rate could follow; use Linear or Cosine"
        ),
    ),
    Rule(
        cel="!self.training.packing || ("
        + " && ".join(f"self.dataset.augmentation.{n} == 0.0" for n in TEXT_AUGMENTATIONS)
        + ")",
        holds=lambda s: (
            not s.training.packing
            or not any(look_up(s, f"dataset.augmentation.{n}") for n in TEXT_AUGMENTATIONS)
        ),
        message=(
            "training.packing is true, which joins texts once and for all, but"
            " dataset.augmentation changes their lengths in every epoch: remove packing, or"
            f" {', '.join(TEXT_AUGMENTATIONS)}"
        ),
    ),
    Rule(
        cel=(
            "self.distribution.strategy != 'FSDP' || (self.method.type in ['Full', 'LoRA'] &&"
            " !has(self.method.gradualUnfreezing))"
        ),
        holds=lambda s: (
            s.distribution.strategy != "FSDP"
            or (s.method.type in _SHARDED_METHODS and s.method.gradual_unfreezing is None)
        ),
        message=(
            "distribution.strategy is {distribution.strategy} and method.type {method.type}: a"
            " model that is spread over processes is trained by Full, without gradualUnfreezing,"
            " or LoRA; use one of these, or DDP"
        ),
    ),
    Rule(
        cel="self.distribution.strategy != 'FSDP' || self.training.precision != 'Float16'",
        holds=lambda s: s.distribution.strategy != "FSDP" or s.training.precision != "Float16",
        message=(
            "training.precision is {training.precision}, but distribution.strategy is FSDP, whose"
            " gradients its scaler does not see as a whole: use BFloat16 or Auto"
        ),
    ),
    Rule(
        cel=(
            "self.distribution.strategy == 'Auto' || self.resources.nodes > 1 ||"
            " self.resources.gpusPerNode > 1"
        ),
        holds=lambda s: s.distribution.strategy == "Auto" or s.resources.processes > 1,
        message=(
            "distribution.strategy is {distribution.strategy}, but resources.nodes is"
            " {resources.nodes} and resources.gpusPerNode is {resources.gpusPerNode}: one process"
            " has nobody to share with; remove strategy, or ask for more nodes or GPUs"
        ),
    ),
    *(_refuse_sharded(path, value, reason) for path, value, reason in _NOT_SHARDED),
    *(_need_folders(name) for name in _FOLDERS),
    *build_method_rules(),
)
