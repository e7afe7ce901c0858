"""The tasks, one row each: which columns they read, what is measured, which input they take.

The admission rules, the defaults of a resolved job, the trainer's registry and docs/tasks.md all
follow from this table; a new task begins with a row here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from finetune_api.v1alpha1.metrics import MetricName

TaskName = Literal[
    "TextClassification",
    "TextRegression",
    "TokenClassification",
    "QuestionAnswering",
    "Seq2Seq",
    "CausalLM",
    "InstructionTuning",
    "MaskedLM",
    "ImageClassification",
    "ObjectDetection",
    "AudioClassification",
    "SpeechRecognition",
]
ColumnRole = Literal[
    "text",
    "textPair",
    "label",
    "labels",
    "tokens",
    "tags",
    "question",
    "context",
    "answers",
    "source",
    "target",
    "messages",
    "prompt",
    "completion",
    "image",
    "objects",
    "audio",
    "transcript",
]
Modality = Literal["Text", "Image", "Audio"]
COLUMN_ROLES: tuple[ColumnRole, ...] = get_args(ColumnRole)


@dataclass(frozen=True, slots=True)
class TaskTraits:
    """What a task reads and measures.

    Attributes:
        summary: what the model learns, in a few words.
        modality: what goes into the model.
        pipeline: what model hubs call the task.
        columns: the roles of dataset.columns that it reads unless others are named; each is the
            name of its column by default.
        alternatives: further roles that a job may name, each with the default roles that it stands
            in for; () for one that is added.
        metrics: what can be measured, in the order in which it is shown.
        main: what early stopping and the best model follow unless the job says otherwise.
        has_labels: whether dataset.labels may list the outputs.
    """

    summary: str
    modality: Modality
    pipeline: str
    columns: tuple[ColumnRole, ...]
    metrics: tuple[MetricName, ...]
    main: MetricName
    alternatives: tuple[tuple[ColumnRole, tuple[ColumnRole, ...]], ...] = ()
    has_labels: bool = False

    @property
    def roles(self) -> tuple[ColumnRole, ...]:
        """Every role that the task can read."""
        return self.columns + tuple(role for role, _ in self.alternatives)


_SORTING: tuple[MetricName, ...] = ("accuracy", "f1", "precision", "recall", "mcc", "loss")
_READING: tuple[MetricName, ...] = ("perplexity", "tokenAccuracy", "loss")

TASK_TRAITS: dict[TaskName, TaskTraits] = {
    "TextClassification": TaskTraits(
        summary="sort texts or pairs of texts into labels, one or several for each",
        modality="Text",
        pipeline="text-classification",
        columns=("text", "label"),
        alternatives=(("textPair", ()), ("labels", ("label",))),
        metrics=_SORTING,
        main="f1",
        has_labels=True,
    ),
    "TextRegression": TaskTraits(
        summary="give a text or a pair of texts a number: scores, ratings, rankings",
        modality="Text",
        pipeline="text-classification",
        columns=("text", "label"),
        alternatives=(("textPair", ()),),
        metrics=("rmse", "mae", "r2", "pearson", "spearman", "loss"),
        main="rmse",
    ),
    "TokenClassification": TaskTraits(
        summary="tag words: names of people, places, products",
        modality="Text",
        pipeline="token-classification",
        columns=("tokens", "tags"),
        metrics=("f1", "precision", "recall", "accuracy", "loss"),
        main="f1",
        has_labels=True,
    ),
    "QuestionAnswering": TaskTraits(
        summary="find the answer to a question in a text",
        modality="Text",
        pipeline="question-answering",
        columns=("question", "context", "answers"),
        metrics=("f1", "exactMatch", "loss"),
        main="f1",
    ),
    "Seq2Seq": TaskTraits(
        summary="turn a text into another: summaries, translations",
        modality="Text",
        pipeline="text2text-generation",
        columns=("source", "target"),
        metrics=("rougeL", "rouge1", "rouge2", "bleu", "chrf", "loss"),
        main="rougeL",
    ),
    "CausalLM": TaskTraits(
        summary="continue texts of a domain",
        modality="Text",
        pipeline="text-generation",
        columns=("text",),
        metrics=_READING,
        main="perplexity",
    ),
    "InstructionTuning": TaskTraits(
        summary="answer instructions and chats; the loss counts the answers only",
        modality="Text",
        pipeline="text-generation",
        columns=("messages",),
        alternatives=(("prompt", ("messages",)), ("completion", ("messages",))),
        metrics=_READING,
        main="perplexity",
    ),
    "MaskedLM": TaskTraits(
        summary="read a domain before another task is learned on it",
        modality="Text",
        pipeline="fill-mask",
        columns=("text",),
        metrics=_READING,
        main="perplexity",
    ),
    "ImageClassification": TaskTraits(
        summary="sort images into labels",
        modality="Image",
        pipeline="image-classification",
        columns=("image", "label"),
        metrics=_SORTING,
        main="f1",
        has_labels=True,
    ),
    "ObjectDetection": TaskTraits(
        summary="find objects in images, with a box around each",
        modality="Image",
        pipeline="object-detection",
        columns=("image", "objects"),
        metrics=("map", "map50", "loss"),
        main="map",
        has_labels=True,
    ),
    "AudioClassification": TaskTraits(
        summary="sort sounds into labels: commands, speakers, moods",
        modality="Audio",
        pipeline="audio-classification",
        columns=("audio", "label"),
        metrics=_SORTING,
        main="f1",
        has_labels=True,
    ),
    "SpeechRecognition": TaskTraits(
        summary="write down what is said",
        modality="Audio",
        pipeline="automatic-speech-recognition",
        columns=("audio", "transcript"),
        metrics=("wer", "cer", "loss"),
        main="wer",
    ),
}


def list_tasks_reading(role: ColumnRole) -> tuple[TaskName, ...]:
    """Say which tasks read a column."""
    return tuple(name for name, traits in TASK_TRAITS.items() if role in traits.roles)


def list_tasks_taking(*modalities: Modality) -> tuple[TaskName, ...]:
    """Say which tasks take an input of a kind."""
    return tuple(name for name, traits in TASK_TRAITS.items() if traits.modality in modalities)


def choose_roles(task: TaskName, named: Iterable[ColumnRole]) -> tuple[ColumnRole, ...]:
    """Say which columns a job reads.

    Args:
        task: the task.
        named: the roles whose column the job names.

    Returns:
        the default roles that nothing stands in for, then the other ones that were named.
    """
    given = set(named)
    traits = TASK_TRAITS[task]
    chosen = [role for role, _ in traits.alternatives if role in given]
    replaced = {r for role, others in traits.alternatives if role in given for r in others}
    return tuple(role for role in traits.columns if role not in replaced) + tuple(chosen)
