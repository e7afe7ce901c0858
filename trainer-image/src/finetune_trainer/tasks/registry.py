"""The tasks, one line each; `run` looks up here what a job wants to learn."""

from finetune_api.v1alpha1.tasks import TaskName
from finetune_trainer.errors import ConfigError
from finetune_trainer.tasks.audio_classification import AUDIO_CLASSIFICATION
from finetune_trainer.tasks.base import Task
from finetune_trainer.tasks.causal_lm import CAUSAL_LM
from finetune_trainer.tasks.image_classification import IMAGE_CLASSIFICATION
from finetune_trainer.tasks.instruction_tuning import INSTRUCTION_TUNING
from finetune_trainer.tasks.masked_lm import MASKED_LM
from finetune_trainer.tasks.object_detection import OBJECT_DETECTION
from finetune_trainer.tasks.question_answering import QUESTION_ANSWERING
from finetune_trainer.tasks.seq2seq import SEQ2SEQ
from finetune_trainer.tasks.speech_recognition import SPEECH_RECOGNITION
from finetune_trainer.tasks.text_classification import TEXT_CLASSIFICATION
from finetune_trainer.tasks.text_regression import TEXT_REGRESSION
from finetune_trainer.tasks.token_classification import TOKEN_CLASSIFICATION

TASKS: dict[TaskName, Task] = {
    "TextClassification": TEXT_CLASSIFICATION,
    "TextRegression": TEXT_REGRESSION,
    "TokenClassification": TOKEN_CLASSIFICATION,
    "QuestionAnswering": QUESTION_ANSWERING,
    "ImageClassification": IMAGE_CLASSIFICATION,
    "ObjectDetection": OBJECT_DETECTION,
    "AudioClassification": AUDIO_CLASSIFICATION,
    "SpeechRecognition": SPEECH_RECOGNITION,
    "Seq2Seq": SEQ2SEQ,
    "CausalLM": CAUSAL_LM,
    "InstructionTuning": INSTRUCTION_TUNING,
    "MaskedLM": MASKED_LM,
}


def find_task(name: TaskName) -> Task:
    """Look a task up.

    Raises:
        ConfigError: this image is older than the task.
    """
    task = TASKS.get(name)
    if task is None:
        raise ConfigError(
            f"spec.task is {name!r}; this trainer knows {', '.join(TASKS)}",
            hint="use a newer trainer image",
        )
    return task
