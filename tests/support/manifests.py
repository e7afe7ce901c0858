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
    BadManifest("a token for a volume", {"spec.model": {"source": "pvc://m/bert", "credentialsSecretName": "hf"}}, "credentialsSecretName", ("pvc://m/bert", "remove")),
    BadManifest("too much dropout", {"spec.model.dropout": {"hidden": 1.5}}, "spec.model.dropout.hidden", ("1.5", "0.9")),
    BadManifest("a split of a volume", {"spec.dataset.train": {"source": "pvc://d/a.csv", "split": "train"}}, "split", ("train", "hf://")),
    BadManifest("a format of a hub", {"spec.dataset.train": {"source": "hf://a/b", "format": "CSV"}}, "format", ("CSV", "remove format")),
    BadManifest("an unknown format", {"spec.dataset.train": {"source": "pvc://d/a.xls", "format": "Excel"}}, "format", ("Excel", "Parquet")),
    BadManifest("validation twice", {"spec.dataset.validation": {"fraction": 0.2, "source": "hf://a/b"}}, "spec.dataset.validation", ("exactly one of source and fraction",)),
    BadManifest("validation of nothing", {"spec.dataset.validation": {}}, "spec.dataset.validation", ("exactly one of source and fraction",)),
    BadManifest("validation on too much", {"spec.dataset.validation": {"fraction": 0.9}}, "spec.dataset.validation.fraction", ("0.9", "0.5")),
    BadManifest("a test split of a fraction", {"spec.dataset.test": {"fraction": 0.1, "split": "test"}}, "split", ("test", "remove split")),
    BadManifest("text and label in one column", {"spec.dataset.columns": {"text": "a", "label": "a"}}, "spec.dataset.columns", ("column a", "two columns")),
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
    BadManifest("an unknown metric to follow", {"spec.earlyStopping": {"metric": "bleu"}}, "spec.earlyStopping.metric", ("bleu", "accuracy")),
    BadManifest("a target without early stopping", {"spec.earlyStopping": {"enabled": False, "target": 0.9}}, "spec.earlyStopping", ("target is 0.9", "enabled is false")),
    BadManifest("steps without a number", {"spec.evaluation": {"every": "Steps"}}, "spec.evaluation", ("everySteps is missing",)),
    BadManifest("a number of steps per epoch", {"spec.checkpoints": {"everySteps": 10}}, "spec.checkpoints", ("everySteps is 10", "every is Epoch")),
    BadManifest("no metric to measure", {"spec.evaluation": {"metrics": []}}, "spec.evaluation.metrics", ("1",)),
    BadManifest("a volume that is old and new", {"spec.checkpoints": {"volume": {"claimName": "a", "size": "1Gi"}}}, "spec.checkpoints.volume", ("exactly one of claimName and size",)),
    BadManifest("a class for an old volume", {"spec.checkpoints": {"volume": {"claimName": "a", "storageClassName": "fast"}}}, "spec.checkpoints.volume", ("fast", "set size")),
    BadManifest("half a terabyte of nonsense", {"spec.checkpoints": {"volume": {"size": "lots"}}}, "spec.checkpoints.volume.size", ("lots",)),
    BadManifest("a whole claim as destination", {"spec.output": {"destination": "pvc://models"}}, "spec.output.destination", ("pvc://models", "pvc://claim/path")),
    BadManifest("a hub as destination", {"spec.output": {"destination": "hf://org/model"}}, "spec.output.destination", ("hf://org/model", "pvc://claim/path")),
    BadManifest("less than no GPU", {"spec.resources": {"gpusPerNode": -1}}, "spec.resources.gpusPerNode", ("-1",)),
    BadManifest("memory without a number", {"spec.resources": {"memory": "Gi"}}, "spec.resources.memory", ("Gi",)),
    BadManifest("a GPU without a vendor", {"spec.resources": {"gpuResourceName": "gpu"}}, "spec.resources.gpuResourceName", ("gpu",)),
    BadManifest("a node label with a space", {"spec.scheduling": {"nodeSelector": {"a b": "c"}}}, "nodeSelector"),
    BadManifest("a toleration of nothing", {"spec.scheduling": {"tolerations": [{"operator": "Equal"}]}}, "spec.scheduling.tolerations[0]", ("key is missing", "Exists")),
    BadManifest("a value for every value", {"spec.scheduling": {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]}}, "spec.scheduling.tolerations[0]", ("value is 'b'", "Exists")),
    BadManifest("a pod spec smuggled in", {"spec.podTemplate": {"hostNetwork": True}}, "spec.podTemplate", ("unknown field",)),
    BadManifest("a host path smuggled in", {"spec.scheduling": {"volumes": [{"hostPath": {"path": "/"}}]}}, "spec.scheduling.volumes", ("unknown field",)),
    BadManifest("an image with a space", {"spec.image": "trainer latest"}, "spec.image", ("trainer latest",)),
    BadManifest("too many retries", {"spec.retries": {"maximum": 100}}, "spec.retries.maximum", ("100", "20")),
    BadManifest("a deadline of a second", {"spec.activeDeadlineSeconds": 1}, "spec.activeDeadlineSeconds", ("1", "10")),
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
    "no early stopping": {"spec.earlyStopping": {"enabled": False}},
    "evaluation by steps": {"spec.evaluation": {"every": "Steps", "everySteps": 50, "metrics": ["accuracy"]}},
    "checkpoints on an old claim": {"spec.checkpoints": {"every": "Steps", "everySteps": 50, "volume": {"claimName": "runs"}}},
    "checkpoints on a new claim": {"spec.checkpoints": {"volume": {"size": "20Gi", "storageClassName": "fast"}}},
    "a destination": {"spec.output": {"destination": "pvc://models/reviews"}},
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
    "limits in time": {"spec.activeDeadlineSeconds": 86400, "spec.ttlSecondsAfterFinished": 0, "spec.suspend": True},
    "no retries": {"spec.retries": {"maximum": 0}},
    "a name as long as allowed": {"metadata.name": "a" * 50},
}  # fmt: skip
