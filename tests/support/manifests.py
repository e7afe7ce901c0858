"""One table of FineTuneJobs that are refused and one of jobs that are accepted.

Unit tests run both through pydantic, integration tests through a real API server: the two must
agree, and every refusal must name the field, the value and the fix.
"""

import copy
from dataclasses import dataclass
from typing import Any

SMALLEST: dict[str, Any] = {
    "apiVersion": "finetune.dev/v1alpha1",
    "kind": "FineTuneJob",
    "metadata": {"name": "reviews", "namespace": "default"},
    "spec": {
        "task": "TextClassification",
        "model": {"source": "hf://google-bert/bert-base-uncased"},
        "dataset": {"train": {"source": "hf://stanfordnlp/imdb", "split": "train"}},
    },
}


class Missing:
    """Stands for a field that is taken away."""


def build_manifest(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """Give the smallest job with some fields set; a key is a path such as `spec.training.epochs`."""
    manifest = copy.deepcopy(SMALLEST)
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        node = manifest
        for parent in parents:
            node = node.setdefault(parent, {})
        if isinstance(value, Missing):
            del node[last]
        else:
            node[last] = value
    return manifest


@dataclass(frozen=True, slots=True)
class BadManifest:
    """A job that is refused.

    Attributes:
        name: what is wrong, as a sentence.
        changes: what differs from the smallest job.
        field: the field that every message must name.
        says: what else every message must hold: the value, and where a rule speaks, the fix.
    """

    name: str
    changes: dict[str, Any]
    field: str
    says: tuple[str, ...] = ()


def _training(**fields: Any) -> dict[str, Any]:
    return {"spec.training": fields}


BAD_MANIFESTS: tuple[BadManifest, ...] = (
    BadManifest("a typo in a section", {"spec.trainig": {}}, "spec.trainig", ("unknown field",)),
    BadManifest("a typo in a field", _training(epoch=3), "spec.training.epoch", ("unknown field",)),
    BadManifest("snake case", _training(batch_size=8), "batch_size", ("unknown field",)),
    BadManifest("an unknown task", {"spec.task": "Sentiment"}, "spec.task", ("Sentiment", "TextClassification")),
    BadManifest("no task", {"spec.task": Missing()}, "spec.task"),
    BadManifest("no model", {"spec.model": Missing()}, "spec.model"),
    BadManifest("no model source", {"spec.model": {}}, "spec.model.source"),
    BadManifest("no data", {"spec.dataset": Missing()}, "spec.dataset"),
    BadManifest("no training data", {"spec.dataset": {}}, "spec.dataset.train"),
    BadManifest("a web address as model", {"spec.model.source": "https://x.org/m"}, "spec.model.source", ("https://x.org/m", "hf://org/name")),
    BadManifest("a bare name as model", {"spec.model.source": "bert-base-uncased"}, "spec.model.source", ("bert-base-uncased", "hf://org/name")),
    BadManifest("a path that climbs", {"spec.model.source": "pvc://models/../secrets"}, "spec.model.source", ("pvc://models/../secrets",)),
    BadManifest("a hidden path", {"spec.model.source": "file:///etc/.ssh"}, "spec.model.source", ("file:///etc/.ssh",)),
    BadManifest("a relative file", {"spec.dataset.train": {"source": "file://data.csv"}}, "spec.dataset.train.source", ("file://data.csv", "file:///")),
    BadManifest("an upper-case claim", {"spec.dataset.train": {"source": "pvc://Data/a.csv"}}, "spec.dataset.train.source", ("pvc://Data/a.csv",)),
    BadManifest("a short revision", {"spec.model.revision": "main"}, "spec.model.revision"),
    BadManifest("a revision of a volume", {"spec.model": {"source": "pvc://m/bert", "revision": "a" * 40}}, "revision", ("pvc://m/bert", "remove revision")),
    BadManifest("a token for a volume", {"spec.model": {"source": "pvc://m/bert", "credentialsSecretName": "hf"}, "spec.dataset.train": {"source": "pvc://d/a.csv"}}, "credentialsSecretName", ("is hf", "remove")),
    BadManifest("too much dropout", {"spec.model.dropout": {"hidden": 1.5}}, "spec.model.dropout.hidden", ("1.5", "0.9")),
    BadManifest("a split of a volume", {"spec.dataset.train": {"source": "pvc://d/a.csv", "split": "train"}}, "split", ("train", "hf://")),
    BadManifest("a format of a hub", {"spec.dataset.train": {"source": "hf://a/b", "format": "CSV"}}, "format", ("CSV", "remove format")),
    BadManifest("an unknown format", {"spec.dataset.train": {"source": "pvc://d/a.xls", "format": "Excel"}}, "format", ("Excel", "Parquet")),
    BadManifest("validation twice", {"spec.dataset.validation": {"fraction": 0.2, "source": "hf://a/b"}}, "spec.dataset.validation", ("exactly one of source, fraction and folds",)),
    BadManifest("validation of nothing", {"spec.dataset.validation": {}}, "spec.dataset.validation", ("exactly one of source, fraction and folds",)),
    BadManifest("validation on too much", {"spec.dataset.validation": {"fraction": 0.9}}, "spec.dataset.validation.fraction", ("0.9", "0.5")),
    BadManifest("a test split of a fraction", {"spec.dataset.test": {"fraction": 0.1, "split": "test"}}, "split", ("test", "remove split")),
    BadManifest("text and label in one column", {"spec.dataset.columns": {"text": "a", "label": "a"}}, "spec.dataset.columns", ("two roles are the same column",)),
    BadManifest("a single label", {"spec.dataset.labels": ["good"]}, "spec.dataset.labels", ("2",)),
    BadManifest("a label twice", {"spec.dataset.labels": ["good", "bad", "good"]}, "spec.dataset.labels", ("Duplicate",)),
    BadManifest("too small a subset", {"spec.dataset.limit": 1}, "spec.dataset.limit", ("1", "10")),
    BadManifest("an unknown method", {"spec.method": {"type": "Magic"}}, "spec.method.type", ("Magic", "Full")),
    BadManifest("freezing less than nothing", {"spec.method": {"freeze": {"lowestLayers": -1}}}, "spec.method.freeze.lowestLayers", ("-1",)),
    BadManifest("epochs and steps", _training(epochs=3, maxSteps=100), "spec.training", ("epochs is 3", "maxSteps is 100", "only one")),
    BadManifest("no epoch", _training(epochs=0), "spec.training.epochs", ("0", "1")),
    BadManifest("half an epoch", _training(epochs=0.5), "spec.training.epochs", ("0.5",)),
    BadManifest("epochs as text", _training(epochs="3"), "spec.training.epochs", ("integer",)),
    BadManifest("a learning rate as text", _training(learningRate="2e-5"), "spec.training.learningRate", ("number",)),
    BadManifest("no learning rate", _training(learningRate=0), "spec.training.learningRate", ("0", "greater than 0")),
    BadManifest("a learning rate above one", _training(learningRate=5), "spec.training.learningRate", ("5", "1")),
    BadManifest("a layer-wise decay that grows", _training(layerwiseLearningRateDecay=1.2), "spec.training.layerwiseLearningRateDecay", ("1.2",)),
    BadManifest("two warm-ups", _training(schedule={"warmupRatio": 0.1, "warmupSteps": 50}), "spec.training.schedule", ("warmupRatio is 0.1", "warmupSteps is 50", "only one")),
    BadManifest("a constant rate with warm-up", _training(schedule={"type": "Constant", "warmupSteps": 50}), "spec.training.schedule", ("Constant", "ConstantWithWarmup")),
    BadManifest("a warm-up longer than the run", _training(maxSteps=100, schedule={"warmupSteps": 500}), "spec.training", ("500", "100", "lower warmupSteps")),
    BadManifest("an unknown schedule", _training(schedule={"type": "Sine"}), "spec.training.schedule.type", ("Sine", "Cosine")),
    BadManifest("an unknown optimizer", _training(optimizer="Adam"), "spec.training.optimizer", ("Adam", "AdamW")),
    BadManifest("an unknown precision", _training(precision="fp16"), "spec.training.precision", ("fp16", "Float16")),
    BadManifest("Float16 on a CPU", {"spec.training": {"precision": "Float16"}, "spec.resources": {"gpusPerNode": 0}}, "training.precision", ("Float16", "gpusPerNode is 0", "BFloat16")),
    BadManifest("texts of three tokens", _training(maxLength=3), "spec.training.maxLength", ("3", "8")),
    BadManifest("no patience", {"spec.earlyStopping": {"patience": 0}}, "spec.earlyStopping.patience", ("0", "1")),
    BadManifest("an unknown metric to follow", {"spec.earlyStopping": {"metric": "auc"}}, "spec.earlyStopping.metric", ("auc", "accuracy")),
    BadManifest("a target without early stopping", {"spec.earlyStopping": {"enabled": False, "target": 0.9}}, "spec.earlyStopping", ("target is 0.9", "enabled is false")),
    BadManifest("a bucket without a path", {"spec.dataset.train": {"source": "s3://data"}}, "spec.dataset.train.source", ("s3://data", "s3://bucket/path")),
    BadManifest("a ConfigMap as model", {"spec.model": {"source": "configmap://models/bert"}}, "spec.model.source", ("configmap://models/bert", "job://other-finetunejob")),
    BadManifest("a job as data", {"spec.dataset.train": {"source": "job://reviews"}}, "spec.dataset.train.source", ("job://reviews", "configmap://name/key")),
    BadManifest("a column of another task", {"spec.dataset.columns": {"tokens": "words"}}, "dataset.columns.tokens", ("TextClassification", "TokenClassification", "remove")),
    BadManifest("a template and a text", {"spec.dataset": {"train": {"source": "pvc://d/a.csv"}, "textTemplate": "{a} {b}", "columns": {"text": "c"}}}, "spec.dataset", ("textTemplate", "columns.text is c")),
    BadManifest("a template without a column", {"spec.dataset.textTemplate": "hello"}, "spec.dataset.textTemplate", ("hello",)),
    BadManifest("a template for images", {"spec.task": "ImageClassification", "spec.dataset.textTemplate": "{a}"}, "dataset.textTemplate", ("ImageClassification", "TextClassification")),
    BadManifest("one label and several", {"spec.dataset.columns": {"label": "a", "labels": "b"}}, "spec.dataset.columns", ("label is a", "labels is b")),
    BadManifest("a chat and a prompt", {"spec.task": "InstructionTuning", "spec.dataset.columns": {"messages": "m", "prompt": "p", "completion": "c"}}, "spec.dataset.columns", ("messages is m", "prompt is p")),
    BadManifest("a prompt without completion", {"spec.task": "InstructionTuning", "spec.dataset.columns": {"prompt": "p"}}, "spec.dataset.columns", ("prompt and completion belong together",)),
    BadManifest("labels for a number", {"spec.task": "TextRegression", "spec.dataset.labels": ["a", "b"]}, "dataset.labels", ("TextRegression", "TokenClassification")),
    BadManifest("a single fold", {"spec.dataset.validation": {"folds": 1}}, "spec.dataset.validation.folds", ("1", "2")),
    BadManifest("folds and a fraction", {"spec.dataset.validation": {"folds": 5, "fraction": 0.2}}, "spec.dataset.validation", ("exactly one",)),
    BadManifest("a bad row is kept", {"spec.dataset.onBadRow": "Ignore"}, "spec.dataset.onBadRow", ("Ignore", "Drop")),
    BadManifest("a text that is flipped", {"spec.dataset.augmentation": {"horizontalFlip": 0.5}}, "dataset.augmentation.horizontalFlip", ("TextClassification", "ImageClassification")),
    BadManifest("boxes that are turned", {"spec.task": "ObjectDetection", "spec.dataset.augmentation": {"rotationDegrees": 10}}, "dataset.augmentation.rotationDegrees", ("ObjectDetection", "ImageClassification")),
    BadManifest("a tokenizer for images", {"spec.task": "ImageClassification", "spec.model.tokenizerSource": "pvc://models/tokenizer"}, "model.tokenizerSource", ("ImageClassification", "remove")),
    BadManifest("an image that loses words", {"spec.task": "ImageClassification", "spec.dataset.augmentation": {"wordDropout": 0.1}}, "dataset.augmentation.wordDropout", ("ImageClassification",)),
    BadManifest("tags whose words change places", {"spec.task": "TokenClassification", "spec.dataset.augmentation": {"wordSwap": 0.1}}, "dataset.augmentation.wordSwap", ("TokenClassification",)),
    BadManifest("a probability above one", {"spec.dataset.augmentation": {"wordDropout": 2}}, "spec.dataset.augmentation.wordDropout", ("2", "1")),
    BadManifest("nothing but replay", {"spec.dataset.replay": {"source": "hf://a/b", "ratio": 0.95}}, "spec.dataset.replay.ratio", ("0.95", "0.9")),
    BadManifest("replay with folds", {"spec.dataset.replay": {"source": "hf://a/b"}, "spec.dataset.validation": {"folds": 3}}, "spec.dataset", ("replay and validation.folds",)),
    BadManifest("a plateau that the refit cannot see", {"spec.dataset.validation": {"folds": 5}, "spec.training": {"schedule": {"type": "ReduceOnPlateau"}}}, "training.schedule.type", ("ReduceOnPlateau", "folds is 5", "Linear")),
    BadManifest("images for texts", {"spec.dataset.train": {"source": "pvc://d/images", "format": "ImageFolder"}}, "dataset.train.format", ("ImageFolder", "TextClassification")),
    BadManifest("sounds for images", {"spec.task": "ImageClassification", "spec.dataset.train": {"source": "pvc://d/s", "format": "AudioFolder"}}, "dataset.train.format", ("AudioFolder", "ImageClassification")),
    BadManifest("an adapter without its method", {"spec.method": {"lora": {"rank": 4}}}, "spec.method", ("lora belongs to type LoRA", "type is Full")),
    BadManifest("a rank of nothing", {"spec.method": {"type": "LoRA", "lora": {"rank": 0}}}, "spec.method.lora.rank", ("0", "1")),
    BadManifest("virtual tokens for LoRA", {"spec.method": {"type": "LoRA", "promptTuning": {"virtualTokens": 5}}}, "spec.method", ("promptTuning belongs to", "type is LoRA")),
    BadManifest("words for a prefix", {"spec.method": {"type": "PrefixTuning", "promptTuning": {"initialText": "Mood"}}}, "spec.method", ("initialText is 'Mood'", "PromptTuning")),
    BadManifest("freezing under an adapter", {"spec.method": {"type": "LoRA", "freeze": {"lowestLayers": 2}}}, "spec.method", ("type is LoRA", "remove freeze")),
    BadManifest("unfreezing the head alone", {"spec.method": {"type": "FeatureExtraction", "gradualUnfreezing": {}}}, "spec.method", ("gradualUnfreezing belongs to type Full", "FeatureExtraction")),
    BadManifest("four bits on a CPU", {"spec.method": {"type": "QLoRA"}, "spec.resources": {"gpusPerNode": 0}}, "method.type", ("QLoRA", "gpusPerNode is 0", "LoRA")),
    BadManifest("virtual tokens before an image", {"spec.task": "ImageClassification", "spec.method": {"type": "PromptTuning"}}, "method.type", ("PromptTuning", "ImageClassification", "LoRA")),
    BadManifest("a decay by layer of one layer", {"spec.method": {"type": "FeatureExtraction"}, "spec.training": {"layerwiseLearningRateDecay": 0.9}}, "training.layerwiseLearningRateDecay", ("FeatureExtraction", "remove it")),
    BadManifest("a decay by layer of virtual tokens", {"spec.method": {"type": "PromptTuning"}, "spec.training": {"layerwiseLearningRateDecay": 0.9}}, "training.layerwiseLearningRateDecay", ("PromptTuning", "remove it")),
    BadManifest("checkpoints of a body that stands still", {"spec.method": {"type": "FeatureExtraction"}, "spec.training": {"gradientCheckpointing": True}}, "training.gradientCheckpointing", ("FeatureExtraction", "remove it")),
    BadManifest("checkpoints without a cache", {"spec.method": {"type": "PrefixTuning"}, "spec.training": {"gradientCheckpointing": True}}, "training.gradientCheckpointing", ("PrefixTuning", "cache")),
    BadManifest("noise in a body that stands still", {"spec.method": {"type": "FeatureExtraction"}, "spec.training": {"neftuneNoiseAlpha": 5}}, "training.neftuneNoiseAlpha", ("FeatureExtraction", "remove it")),
    BadManifest("noise beside virtual tokens", {"spec.method": {"type": "PrefixTuning"}, "spec.training": {"neftuneNoiseAlpha": 5}}, "training.neftuneNoiseAlpha", ("PrefixTuning", "remove it")),
    BadManifest("dropout in a body that stands still", {"spec.method": {"type": "FeatureExtraction"}, "spec.model.dropout": {"hidden": 0.2}}, "model.dropout.hidden", ("FeatureExtraction", "remove it")),
    BadManifest("attention dropout in a body that stands still", {"spec.method": {"type": "FeatureExtraction"}, "spec.model.dropout": {"attention": 0.2}}, "model.dropout.attention", ("FeatureExtraction", "remove it")),
    BadManifest("packed virtual tokens", {"spec.task": "CausalLM", "spec.method": {"type": "PromptTuning"}, "spec.training": {"packing": True}}, "training.packing", ("PromptTuning", "first row")),
    BadManifest("two rates for one layer", {"spec.method": {"type": "FeatureExtraction"}, "spec.training": {"headLearningRate": 0.01}}, "training.headLearningRate", ("is 0.01", "set training.learningRate")),
    BadManifest("a merged adapter of nothing", {"spec.output": {"formats": ["MergedAdapter"]}}, "output.formats", ("MergedAdapter", "Full")),
    BadManifest("a writer as ONNX", {"spec.task": "Seq2Seq", "spec.output": {"formats": ["Safetensors", "ONNX"]}}, "output.formats", ("ONNX", "Seq2Seq", "remove ONNX")),
    BadManifest("virtual tokens as ONNX", {"spec.method": {"type": "PromptTuning"}, "spec.output": {"formats": ["ONNX"]}}, "output.formats", ("ONNX", "PromptTuning", "LoRA")),
    BadManifest("an unknown output format", {"spec.output": {"formats": ["GGUF"]}}, "spec.output.formats", ("GGUF", "ONNX")),
    BadManifest("packs of texts that change", {"spec.task": "CausalLM", "spec.training": {"packing": True}, "spec.dataset.augmentation": {"characterNoise": 0.1}}, "training.packing", ("true", "remove packing", "characterNoise")),
    BadManifest("packed classes", _training(packing=True), "training.packing", ("TextClassification", "CausalLM")),
    BadManifest("an answer without a question", {"spec.evaluation": {"maxAnswerTokens": 10}}, "evaluation.maxAnswerTokens", ("TextClassification", "QuestionAnswering")),
    BadManifest("an answer of no token", {"spec.task": "QuestionAnswering", "spec.evaluation": {"maxAnswerTokens": 0}}, "spec.evaluation.maxAnswerTokens", ("0", "1")),
    BadManifest("a stride without windows", _training(documentStride=64), "training.documentStride", ("TextClassification", "QuestionAnswering")),
    BadManifest("masks without guessing", _training(maskingProbability=0.2), "training.maskingProbability", ("TextClassification", "MaskedLM")),
    BadManifest("tokens of an image", {"spec.task": "ImageClassification", "spec.training": {"maxLength": 64}}, "training.maxLength", ("ImageClassification",)),
    BadManifest("smoothing of several labels", {"spec.dataset.columns": {"labels": "genres"}, "spec.training": {"labelSmoothing": 0.1}}, "training.labelSmoothing", ("0.1", "dataset.columns.labels", "remove labelSmoothing")),
    BadManifest("smoothing of numbers", {"spec.task": "TextRegression", "spec.training": {"labelSmoothing": 0.1}}, "training.labelSmoothing", ("TextRegression",)),
    BadManifest("beams for labels", {"spec.evaluation": {"generation": {"beams": 4}}}, "evaluation.generation", ("TextClassification", "Seq2Seq")),
    BadManifest("a metric of another task", {"spec.earlyStopping": {"metric": "bleu"}}, "earlyStopping.metric", ("bleu", "TextClassification", "accuracy")),
    BadManifest("one metric of another task", {"spec.evaluation": {"metrics": ["accuracy", "wer"]}}, "evaluation.metrics", ("wer", "TextClassification")),
    BadManifest("a gate on another task's metric", {"spec.evaluation": {"gate": {"metric": "wer", "minimum": 0.1}}}, "evaluation.gate.metric", ("wer", "TextClassification")),
    BadManifest("a gate that lets all through", {"spec.evaluation": {"gate": {"metric": "f1"}}}, "spec.evaluation.gate", ("set minimum, beatBaseline or beatModel",)),
    BadManifest("a baseline to beat that is not measured", {"spec.evaluation": {"baseline": False, "gate": {"beatBaseline": True}}}, "spec.evaluation", ("beatBaseline is true", "baseline is false")),
    BadManifest("probes with half of the comparison", {"spec.evaluation": {"baseline": False, "probes": ["A fine film."]}}, "spec.evaluation", ("baseline is false",)),
    BadManifest("probes for images", {"spec.task": "ImageClassification", "spec.evaluation": {"probes": ["A cat."]}}, "evaluation.probes", ("ImageClassification",)),
    BadManifest("slices of no column", {"spec.evaluation": {"slices": {"columns": []}}}, "spec.evaluation.slices.columns", ("1",)),
    BadManifest("a budget without early stopping", {"spec.earlyStopping": {"enabled": False, "timeBudgetSeconds": 60}}, "spec.earlyStopping", ("timeBudgetSeconds is 60", "enabled is false")),
    BadManifest("steps without a number", {"spec.evaluation": {"every": "Steps"}}, "spec.evaluation", ("everySteps is missing",)),
    BadManifest("a number of steps per epoch", {"spec.checkpoints": {"everySteps": 10}}, "spec.checkpoints", ("everySteps is 10", "every is Epoch")),
    BadManifest("no metric to measure", {"spec.evaluation": {"metrics": []}}, "spec.evaluation.metrics", ("1",)),
    BadManifest("a volume that is old and new", {"spec.checkpoints": {"volume": {"claimName": "a", "size": "1Gi"}}}, "spec.checkpoints.volume", ("exactly one of claimName and size",)),
    BadManifest("a class for an old volume", {"spec.checkpoints": {"volume": {"claimName": "a", "storageClassName": "fast"}}}, "spec.checkpoints.volume", ("fast", "set size")),
    BadManifest("half a terabyte of nonsense", {"spec.checkpoints": {"volume": {"size": "lots"}}}, "spec.checkpoints.volume.size", ("lots",)),
    BadManifest("a whole claim as destination", {"spec.output": {"destination": "pvc://models"}}, "spec.output.destination", ("pvc://models", "pvc://claim/path")),
    BadManifest("a ConfigMap as destination", {"spec.output": {"destination": "configmap://a/b"}}, "spec.output.destination", ("configmap://a/b", "pvc://claim/path, s3://bucket/path or hf://org/name")),
    BadManifest("a bucket's root as destination", {"spec.output": {"destination": "s3://models"}}, "spec.output.destination", ("s3://models", "s3://bucket/path")),
    BadManifest("a hub without an owner as destination", {"spec.model.credentialsSecretName": "hf", "spec.output": {"destination": "hf://reviews"}}, "spec.output.destination", ("hf://reviews", "hf://org/name")),
    BadManifest("a hub as destination without a token", {"spec.output": {"destination": "hf://org/model"}}, "output.destination", ("hf://org/model", "model.credentialsSecretName")),
    BadManifest("a job's own model", {"spec.model.source": "job://reviews"}, "spec.model.source", ("job://reviews", "this very job")),
    BadManifest("a job that must beat itself", {"spec.evaluation": {"gate": {"beatModel": "job://reviews"}}}, "spec.evaluation.gate.beatModel", ("job://reviews", "this very job")),
    BadManifest("no node", {"spec.resources": {"nodes": 0}}, "spec.resources.nodes", ("0",)),
    BadManifest("a strategy for one process", {"spec.distribution": {"strategy": "FSDP"}}, "distribution.strategy", ("FSDP", "resources.nodes is 1", "remove strategy")),
    BadManifest("virtual tokens in a model that is spread", {"spec.resources": {"gpusPerNode": 2}, "spec.distribution": {"strategy": "FSDP"}, "spec.method": {"type": "PromptTuning"}}, "distribution.strategy", ("FSDP", "PromptTuning", "use one of these")),
    BadManifest("gradual unfreezing of a model that is spread", {"spec.resources": {"gpusPerNode": 2}, "spec.distribution": {"strategy": "FSDP"}, "spec.method": {"gradualUnfreezing": {}}}, "distribution.strategy", ("FSDP", "gradualUnfreezing", "DDP")),
    BadManifest("Float16 in a model that is spread", {"spec.resources": {"gpusPerNode": 2}, "spec.distribution": {"strategy": "FSDP"}, "spec.training": {"precision": "Float16"}}, "training.precision", ("Float16", "FSDP", "BFloat16")),
    BadManifest("compiling a model that is spread", {"spec.resources": {"gpusPerNode": 2}, "spec.distribution": {"strategy": "FSDP"}, "spec.training": {"compile": True}}, "training.compile", ("FSDP", "use DDP")),
    BadManifest("packing for a model that is spread", {"spec.task": "CausalLM", "spec.resources": {"gpusPerNode": 2}, "spec.distribution": {"strategy": "FSDP"}, "spec.training": {"packing": True}}, "training.packing", ("FSDP", "use DDP")),
    BadManifest("less than no GPU", {"spec.resources": {"gpusPerNode": -1}}, "spec.resources.gpusPerNode", ("-1",)),
    BadManifest("memory without a number", {"spec.resources": {"memory": "Gi"}}, "spec.resources.memory", ("Gi",)),
    BadManifest("a GPU without a vendor", {"spec.resources": {"gpuResourceName": "gpu"}}, "spec.resources.gpuResourceName", ("gpu",)),
    BadManifest("a node label with a space", {"spec.scheduling": {"nodeSelector": {"a b": "c"}}}, "nodeSelector"),
    BadManifest("a toleration of nothing", {"spec.scheduling": {"tolerations": [{"operator": "Equal"}]}}, "spec.scheduling.tolerations[0]", ("key is missing", "Exists")),
    BadManifest("a value for every value", {"spec.scheduling": {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}}, "spec.scheduling.tolerations[0]", ("value is 'b'", "Exists")),
    BadManifest("a pod spec smuggled in", {"spec.podTemplate": {"hostNetwork": True}}, "spec.podTemplate", ("unknown field",)),
    BadManifest("a host path smuggled in", {"spec.scheduling": {"volumes": [{"hostPath": {"path": "/"}}]}}, "spec.scheduling.volumes", ("unknown field",)),
    BadManifest("an image with a space", {"spec.image": "trainer latest"}, "spec.image", ("trainer latest",)),
    BadManifest("a tracker without an address", {"spec.tracking": {"mlflow": {}}}, "spec.tracking.mlflow.uri"),
    BadManifest("a tracker in a file", {"spec.tracking": {"mlflow": {"uri": "file:///mlruns"}}}, "spec.tracking.mlflow", ("uri", "http://", "https://")),
    BadManifest("a tracker with a password in its address", {"spec.tracking": {"mlflow": {"uri": "https://me:secret@mlflow.example.com"}}}, "spec.tracking.mlflow", ("uri", "without user", "credentialsSecretName")),
    BadManifest("a tracker with a query", {"spec.tracking": {"mlflow": {"uri": "https://mlflow.example.com/?token=abc"}}}, "spec.tracking.mlflow", ("uri", "query")),
    BadManifest("a tracker with a fragment", {"spec.tracking": {"mlflow": {"uri": "https://mlflow.example.com/#/experiments"}}}, "spec.tracking.mlflow", ("uri", "fragment")),
    BadManifest("an upper-case Secret for a tracker", {"spec.tracking": {"mlflow": {"uri": "http://mlflow", "credentialsSecretName": "Mlflow"}}}, "spec.tracking.mlflow.credentialsSecretName", ("Mlflow",)),
    BadManifest("an experiment without a name", {"spec.tracking": {"mlflow": {"uri": "http://mlflow", "experimentName": " "}}}, "spec.tracking.mlflow.experimentName"),
    BadManifest("a token in the spec of a tracker", {"spec.tracking": {"mlflow": {"uri": "http://mlflow", "token": "abc"}}}, "spec.tracking.mlflow.token", ("unknown field",)),
    BadManifest("TensorBoard as text", {"spec.tracking": {"tensorBoard": "yes"}}, "spec.tracking.tensorBoard", ("boolean",)),
    BadManifest("too many retries", {"spec.retries": {"maximum": 100}}, "spec.retries.maximum", ("100", "20")),
    BadManifest("a deadline of a second", {"spec.activeDeadlineSeconds": 1}, "spec.activeDeadlineSeconds", ("1", "10")),
    BadManifest("a week without a sign of life", {"spec.stallTimeoutSeconds": 604_801}, "spec.stallTimeoutSeconds", ("604801", "604800")),
    BadManifest("a limit of less than nothing", {"spec.stallTimeoutSeconds": -1}, "spec.stallTimeoutSeconds", ("-1", "0")),
    BadManifest("suspend as text", {"spec.suspend": "yes"}, "spec.suspend", ("boolean",)),
    BadManifest("a negative time to live", {"spec.ttlSecondsAfterFinished": -1}, "spec.ttlSecondsAfterFinished", ("-1", "0")),
    BadManifest("a name that is too long", {"metadata.name": "a" * 51}, "metadata.name", ("a" * 51, "50")),
    BadManifest("a name that begins with a digit", {"metadata.name": "1st"}, "metadata.name", ("1st", "letter")),
)  # fmt: skip

GOOD_MANIFESTS: dict[str, dict[str, Any]] = {
    "the smallest job": {},
    "a local model and files": {
        "spec.model": {"source": "file:///models/bert"},
        "spec.dataset": {"train": {"source": "pvc://data/train.csv", "format": "CSV"}},
    },
    "a folder of a claim": {"spec.model": {"source": "pvc://models/bert/"}},
    "a whole claim": {"spec.model": {"source": "pvc://models"}},
    "a canonical hub model": {"spec.model": {"source": "hf://gpt2"}},
    "a pinned, gated model": {"spec.model.revision": "0" * 40, "spec.model.credentialsSecretName": "hf"},
    "a tokenizer of its own": {"spec.model.tokenizerSource": "pvc://models/tokenizer"},
    "data of its own for validation and test": {
        "spec.dataset.validation": {"source": "hf://a/b", "split": "dev"},
        "spec.dataset.test": {"source": "pvc://data/test.parquet"},
    },
    "a fraction for the test": {"spec.dataset.test": {"fraction": 0.1}},
    "named columns and labels": {
        "spec.dataset.columns": {"text": "review", "label": "sentiment"},
        "spec.dataset.labels": ["negative", "positive"],
        "spec.dataset.limit": 1000,
    },
    "a number where a float is asked": _training(weightDecay=0, learningRate=1),
    "small learning rates": _training(learningRate=2e-5, headLearningRate=1e-3, layerwiseLearningRateDecay=0.9),
    "steps instead of epochs": _training(maxSteps=100, schedule={"type": "Cosine", "warmupSteps": 10}),
    "a constant rate": _training(schedule={"type": "Constant"}),
    "Float16 on a GPU": _training(precision="Float16"),
    "a null where a default is": {"spec.training": None},
    "frozen layers": {"spec.method.freeze": {"embeddings": True, "lowestLayers": 3, "modules": ["*.bias"]}},
    "early stopping in full": {
        "spec.earlyStopping": {"metric": "loss", "patience": 2, "minDelta": 0.001, "warmupEvaluations": 1, "target": 0.1}
    },
    "a bucket, a ConfigMap and a job": {
        "spec.model": {"source": "job://domain"},
        "spec.dataset": {
            "train": {"source": "s3://data/train.csv"},
            "validation": {"source": "configmap://reviews/validation.csv"},
        },
        "spec.model.credentialsSecretName": "s3",
    },
    "several labels for pairs of texts": {"spec.dataset.columns": {"text": "a", "textPair": "b", "labels": "c"}},
    "a template for the rows of a table": {"spec.dataset.textTemplate": "merchant: {merchant}; amount: {amount}"},
    "five folds": {"spec.dataset.validation": {"folds": 5}},
    "replay of general texts": {"spec.dataset.replay": {"source": "hf://a/general", "ratio": 0.2}},
    "changed texts": {"spec.dataset.augmentation": {"wordDropout": 0.1, "wordSwap": 0.05, "characterNoise": 0.02}},
    "rows that are dropped": {"spec.dataset.onBadRow": "Drop"},
    "gradual unfreezing": {"spec.method": {"gradualUnfreezing": {"everyEpochs": 1, "layersPerStep": 2}}},
    "feature extraction": {"spec.method": {"type": "FeatureExtraction"}},
    "LoRA": {"spec.method": {"type": "LoRA", "lora": {"rank": 4, "alpha": 8, "targetModules": ["query", "value"]}}, "spec.output": {"formats": ["Safetensors", "MergedAdapter"]}},
    "QLoRA": {"spec.method": {"type": "QLoRA"}},
    "IA3": {"spec.method": {"type": "IA3"}},
    "prompt tuning": {"spec.method": {"type": "PromptTuning", "promptTuning": {"virtualTokens": 8, "initialText": "Mood:"}}},
    "prefix tuning": {"spec.method": {"type": "PrefixTuning", "promptTuning": {"virtualTokens": 8}}},
    "everything that is measured besides": {
        "spec.evaluation": {
            "probes": ["A fine film.", "A waste of time."],
            "forgetting": {"source": "hf://a/general", "maximumDrop": 0.05},
            "slices": {"columns": ["language"], "maximumGap": 0.1},
            "gate": {"metric": "f1", "minimum": 0.8, "beatBaseline": True, "beatModel": "job://last-week"},
        }
    },
    "a regression": {"spec.task": "TextRegression", "spec.earlyStopping": {"metric": "spearman"}},
    "tagged words": {"spec.task": "TokenClassification", "spec.dataset.columns": {"tokens": "words", "tags": "ner"}},
    "questions": {"spec.task": "QuestionAnswering", "spec.training": {"documentStride": 64, "maxLength": 384}, "spec.evaluation": {"maxAnswerTokens": 15}},
    "summaries": {"spec.task": "Seq2Seq", "spec.training": {"maxTargetLength": 64}, "spec.evaluation": {"generation": {"maxNewTokens": 64, "beams": 4}}},
    "texts of a domain": {"spec.task": "CausalLM", "spec.training": {"packing": True}},
    "instructions": {"spec.task": "InstructionTuning", "spec.dataset.columns": {"prompt": "p", "completion": "c"}},
    "masked words": {"spec.task": "MaskedLM", "spec.training": {"maskingProbability": 0.2}},
    "a folder of images": {
        "spec.task": "ImageClassification",
        "spec.dataset.train": {"source": "pvc://data/birds", "format": "ImageFolder"},
        "spec.dataset.augmentation": {"horizontalFlip": 0.5, "minimumCrop": 0.8},
    },
    "boxes": {"spec.task": "ObjectDetection", "spec.earlyStopping": {"metric": "map50"}},
    "sounds": {"spec.task": "AudioClassification", "spec.dataset.augmentation": {"audioNoise": 0.01}},
    "speech": {"spec.task": "SpeechRecognition", "spec.earlyStopping": {"metric": "cer", "target": 0.1}},
    "no early stopping": {"spec.earlyStopping": {"enabled": False}},
    "evaluation by steps": {"spec.evaluation": {"every": "Steps", "everySteps": 50, "metrics": ["accuracy"]}},
    "checkpoints on an old claim": {"spec.checkpoints": {"every": "Steps", "everySteps": 50, "volume": {"claimName": "runs"}}},
    "checkpoints on a new claim": {"spec.checkpoints": {"volume": {"size": "20Gi", "storageClassName": "fast"}}},
    "a destination": {"spec.output": {"destination": "pvc://models/reviews"}},
    "a bucket as destination": {"spec.output": {"destination": "s3://models/reviews/v2"}},
    "a bucket as destination, with keys": {
        "spec.model": {"source": "pvc://m/bert", "credentialsSecretName": "s3"},
        "spec.dataset.train": {"source": "pvc://d/a.csv"},
        "spec.output": {"destination": "s3://models/reviews"},
    },
    "a hub as destination": {"spec.model.credentialsSecretName": "hf", "spec.output": {"destination": "hf://org/reviews-v2.1"}},
    "several nodes with several GPUs": {"spec.resources": {"nodes": 2, "gpusPerNode": 8}},
    "a strategy for several nodes": {"spec.resources": {"nodes": 2, "gpusPerNode": 0}, "spec.distribution": {"strategy": "DDP"}},
    "a model spread over several GPUs": {"spec.resources": {"gpusPerNode": 4}, "spec.distribution": {"strategy": "FSDP"}},
    "resources as numbers and words": {"spec.resources": {"cpu": 4, "memory": "16Gi", "gpusPerNode": 0, "ephemeralStorage": "500M"}},
    "half a core": {"spec.resources": {"cpu": "500m"}},
    "another vendor's GPU": {"spec.resources": {"gpuResourceName": "amd.com/gpu"}},
    "placement in full": {
        "spec.scheduling": {
            "nodeSelector": {"team": "nlp", "nvidia.com/gpu.product": "H100"},
            "tolerations": [{"operator": "Exists"}, {"key": "gpu", "value": "true", "effect": "NoExecute", "tolerationSeconds": 60}],
            "priorityClassName": "high",
            "runtimeClassName": "nvidia",
        }
    },
    "an image of one's own": {"spec.image": "registry.example.com:5000/team/trainer@sha256:" + "a" * 64, "spec.imagePullSecretNames": ["pull"]},
    "no watch over stalls": {"spec.stallTimeoutSeconds": 0},
    "limits in time": {"spec.activeDeadlineSeconds": 86400, "spec.ttlSecondsAfterFinished": 0, "spec.suspend": True},
    "files for TensorBoard": {"spec.tracking": {"tensorBoard": True}},
    "an MLflow server in full": {
        "spec.tracking": {
            "mlflow": {"uri": "https://mlflow.example.com:8443/team-a/", "experimentName": "Reviews, all languages", "credentialsSecretName": "mlflow"}
        }
    },
    "both trackers": {"spec.tracking": {"tensorBoard": True, "mlflow": {"uri": "http://[fd00::5]:5000"}}},
    "no retries": {"spec.retries": {"maximum": 0}},
    "a name as long as allowed": {"metadata.name": "a" * 50},
}  # fmt: skip
