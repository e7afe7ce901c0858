"""How to load a finished model, in two lines of Python for each task; `cards` shows them. Pure."""

from collections.abc import Mapping

from finetune_api.v1alpha1.job import FineTuneJobSpec
from finetune_api.v1alpha1.method import ADAPTER_METHODS
from finetune_api.v1alpha1.tasks import TASK_TRAITS, TaskName

_PIPELINES: Mapping[TaskName, str] = {
    "TextClassification": '"I would watch it again."',
    "TextRegression": '"I would watch it again.", function_to_apply="none"',
    "TokenClassification": '"Ada wrote it in London.", aggregation_strategy="simple"',
    "CausalLM": '"Once upon a time"',
    "InstructionTuning": '[{"role": "user", "content": "What is a pod?"}]',
    "MaskedLM": 'f"It was a {model.tokenizer.mask_token} film."',
    "ImageClassification": '"image.png"',
    "ObjectDetection": '"image.png"',
    "AudioClassification": '"sound.wav"',
    "SpeechRecognition": '"sound.wav"',
}
"""What a pipeline of transformers is called with. It has none for the tasks below."""
_CLASSES: Mapping[TaskName, str] = {
    "QuestionAnswering": "AutoModelForQuestionAnswering",
    "Seq2Seq": "AutoModelForSeq2SeqLM",
}
_ADAPTED: Mapping[TaskName, str] = {
    "TextClassification": "AutoPeftModelForSequenceClassification",
    "TextRegression": "AutoPeftModelForSequenceClassification",
    "TokenClassification": "AutoPeftModelForTokenClassification",
    "QuestionAnswering": "AutoPeftModelForQuestionAnswering",
    "Seq2Seq": "AutoPeftModelForSeq2SeqLM",
    "CausalLM": "AutoPeftModelForCausalLM",
    "InstructionTuning": "AutoPeftModelForCausalLM",
}
"""Of peft; for other tasks the adapter says itself which class it belongs to."""


def is_bare_adapter(spec: FineTuneJobSpec) -> bool:
    """Tell whether what is published needs peft, and the model it was trained on."""
    return spec.method.type in ADAPTER_METHODS and "MergedAdapter" not in spec.output.formats


def write_usage(spec: FineTuneJobSpec) -> str:
    """Give Python that loads the model from the folder `model`, and asks it where that is short."""
    task = spec.task
    if is_bare_adapter(spec):
        name = _ADAPTED.get(task, "AutoPeftModel")
        labels = ", num_labels=…" if TASK_TRAITS[task].has_labels else ""
        return f'from peft import {name}\nmodel = {name}.from_pretrained("model"{labels})'
    if task in _CLASSES:
        return (
            f"from transformers import {_CLASSES[task]}, AutoTokenizer\n"
            f'model, tokenizer = (c.from_pretrained("model") for c in ({_CLASSES[task]},'
            " AutoTokenizer))"
        )
    pipeline = TASK_TRAITS[task].pipeline
    return (
        f'from transformers import pipeline; model = pipeline("{pipeline}", "model")\n'
        f"print(model({_PIPELINES[task]}))"
    )
