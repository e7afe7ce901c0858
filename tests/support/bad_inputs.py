"""One table of jobs that the trainer refuses before it reads the weights of a model.

Each row changes one thing about a small job that would succeed: a value of its second training row,
a field of its spec, a file. It says with which code the job ends, what the message must name (the
field or the row, and the value), and which fix the hint or the message must offer.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetune_api.contract.exit_codes import ExitCode
from language_models import (
    make_chats,
    make_facts,
    make_sums,
    make_tiny_gpt2,
    make_tiny_llama,
    make_tiny_roberta,
    make_tiny_t5,
    write_model,
)
from trainer_jobs import Row, TrainerJob, make_reviews, write_jsonl
from trainer_media import (
    make_patches,
    make_scenes,
    make_speech,
    make_tiny_detr,
    make_tiny_vit,
    make_tiny_wav2vec2,
    make_tones,
)
from trainer_models import make_tiny_bert
from trainer_texts import make_questions, make_ratings, make_tagged

Damage = Callable[[TrainerJob], object]
MODELS: dict[str, Callable[[Path], Path]] = {
    "bert": make_tiny_bert,
    "gpt2": make_tiny_gpt2,
    "llama": make_tiny_llama,
    "roberta": make_tiny_roberta,
    "t5": make_tiny_t5,
    "vit": make_tiny_vit,
    "detr": make_tiny_detr,
    "wav2vec2": make_tiny_wav2vec2,
}
COUNT = 20
TASKS: dict[str, tuple[str, Callable[[Path], list[Row]]]] = {
    "TextClassification": ("bert", lambda folder: make_reviews(COUNT)),
    "TextRegression": ("bert", lambda folder: make_ratings(COUNT)),
    "TokenClassification": ("bert", lambda folder: make_tagged(COUNT)),
    "QuestionAnswering": ("bert", lambda folder: make_questions(COUNT)),
    "Seq2Seq": ("t5", lambda folder: make_sums(COUNT)),
    "CausalLM": ("gpt2", lambda folder: make_facts(COUNT)),
    "InstructionTuning": ("llama", lambda folder: make_chats(COUNT)),
    "MaskedLM": ("roberta", lambda folder: make_facts(COUNT)),
    "ImageClassification": ("vit", lambda folder: make_patches(folder, COUNT)),
    "ObjectDetection": ("detr", lambda folder: make_scenes(folder, COUNT)),
    "AudioClassification": ("wav2vec2", lambda folder: make_tones(folder, COUNT)),
    "SpeechRecognition": ("wav2vec2", lambda folder: make_speech(folder, COUNT)),
}
"""For each task the model and the rows of a job that succeeds."""


@dataclass(frozen=True, slots=True)
class BadInput:
    """A job that is refused.

    Attributes:
        name: what is wrong, as a sentence.
        task: spec.task.
        code: how the trainer ends.
        says: what the message must hold: the field or the row, and the value.
        fix: what the hint, or the message, must hold.
        row: changes of the second training row.
        spec: changes of the spec.
        model: another model than the usual one of the task.
        damage: what is done to the files.
    """

    name: str
    task: str
    code: ExitCode
    says: tuple[str, ...]
    fix: str
    row: Row = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)
    model: str | None = None
    damage: Damage | None = None

    def build(self, folder: Path, models: Callable[[str], Path]) -> TrainerJob:
        """Give the job, with its files."""
        usual, make_rows = TASKS[self.task]
        job = TrainerJob(
            folder,
            {
                "task": self.task,
                "model": {"source": "pvc://data/base"},
                "dataset": {"train": {"source": "pvc://data/train.jsonl"}},
                "training": {"batchSize": 4, "precision": "Float32"},
                "output": {"destination": "pvc://data/model"},
                "resources": {"gpusPerNode": 0},
            },
        )
        shutil.copytree(models(self.model or usual), job.claim / "base")
        rows = make_rows(job.claim)
        rows[1] |= self.row
        write_jsonl(job.claim / "train.jsonl", rows)
        job.with_spec(**self.spec)
        if self.damage is not None:
            self.damage(job)
        return job


def remove(*names: str) -> Damage:
    """Take files of the model away."""

    def damage(job: TrainerJob) -> None:
        for name in names:
            (job.claim / "base" / name).unlink()

    return damage


def write(name: str, content: str) -> Damage:
    """Write a file of the claim."""
    return lambda job: (job.claim / name).write_text(content)


def configure(name: str = "config.json", **changes: Any) -> Damage:
    """Change a JSON file of the model; None removes a key."""
    return lambda job: write_model(job.claim / "base", changes, name)


def only_pickles(job: TrainerJob) -> None:
    (job.claim / "base" / "model.safetensors").rename(job.claim / "base" / "pytorch_model.bin")


def cut_weights(job: TrainerJob) -> None:
    path = job.claim / "base" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def use_slow_tokenizer(job: TrainerJob) -> None:
    from transformers import ByT5Tokenizer

    (job.claim / "base" / "tokenizer.json").unlink()
    ByT5Tokenizer().save_pretrained(job.claim / "base")  # type: ignore[no-untyped-call]


def repeat_rows(job: TrainerJob) -> None:
    write_jsonl(job.claim / "train.jsonl", make_reviews(4) * 5)


def name_all_alike(job: TrainerJob) -> None:
    write_jsonl(job.claim / "train.jsonl", [r | {"label": "good"} for r in make_reviews(COUNT)])


def add_column(name: str) -> Damage:
    """Give every row one more column, of one value."""
    rows = [row | {name: "a"} for row in make_reviews(COUNT)]
    return lambda job: write_jsonl(job.claim / "train.jsonl", rows)


def write_general(job: TrainerJob) -> None:
    write_jsonl(job.claim / "general.jsonl", make_reviews(COUNT, seed=5, offset=500))


def litter(job: TrainerJob) -> None:
    (job.claim / "model").mkdir()
    (job.claim / "model" / "thesis.odt").touch()


def speak_too_much(job: TrainerJob) -> None:
    rows = [json.loads(line) for line in (job.claim / "train.jsonl").read_text().splitlines()]
    write_jsonl(job.claim / "train.jsonl", [r | {"transcript": "ab" * 40} for r in rows])


def empty_sound(job: TrainerJob) -> None:
    import numpy as np
    import soundfile

    soundfile.write(job.claim / "empty.wav", np.zeros(0, dtype="float32"), 8000)


CONFIG, DATA, MISSING = ExitCode.BAD_CONFIG, ExitCode.BAD_DATA, ExitCode.NOT_FOUND
SECOND = "row 2 of train.jsonl"
SORT, TAG, ASK = "TextClassification", "TokenClassification", "QuestionAnswering"
CHAT = "InstructionTuning"
USERS = [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]
REPLY = {"role": "assistant", "content": "c"}
GENERAL = {"forgetting": {"source": "pvc://data/general.jsonl"}}


def boxes(bbox: Any, category: Any) -> Row:
    return {"objects": {"bbox": bbox, "category": category}}


BAD_INPUTS: tuple[BadInput, ...] = (
    # The data of texts with labels.
    BadInput("an empty text", SORT, DATA, ("dataset.train", SECOND, "an empty text"), "dataset.columns.text", {"text": "  "}),
    BadInput("a number for a text", SORT, DATA, (SECOND, "a int where the text belongs (7)"), "dataset.columns.text", {"text": 7}),
    BadInput("no label", SORT, DATA, (SECOND, "no label"), "dataset.columns.label", {"label": None}),
    BadInput("a column that is not there", SORT, DATA, ("dataset.train", "no column 'review'", "text, label"), "dataset.columns.text", spec={"dataset": {"columns": {"text": "review"}}}),
    BadInput("a label that nobody knows", SORT, DATA, (SECOND, "'negatve'", "negative, positive"), "did you mean 'negative'", {"label": "negatve"}, {"dataset": {"labels": ["negative", "positive"]}}),
    BadInput("one label alone", SORT, DATA, ("dataset.train", "every row has the label 'good'"), "dataset.columns.label", damage=name_all_alike),
    BadInput("a label twice in one row", SORT, DATA, (SECOND, "the label 'a' 2 times"), "dataset.columns.labels", {"label": ["a", "a"]}, {"dataset": {"columns": {"labels": "label"}}}),
    BadInput("a file that is not there", SORT, MISSING, ("dataset.train.source", "pvc://data/rows.jsonl is not there"), "check dataset.train.source", spec={"dataset": {"train": {"source": "pvc://data/rows.jsonl"}}}),
    BadInput("an ending that tells nothing", SORT, DATA, ("dataset.train.source", "'.txt'"), "set dataset.train.format", spec={"dataset": {"train": {"source": "pvc://data/train.txt"}}}, damage=write("train.txt", "a,b\n")),
    BadInput("a line that is no JSON", SORT, DATA, ("train.jsonl", "line 1"), "", damage=write("train.jsonl", "{oops\n")),
    BadInput("a file without rows", SORT, DATA, ("dataset.train", "train.jsonl is empty"), "", damage=write("train.jsonl", "")),
    BadInput("more folds than different rows", SORT, DATA, ("dataset.validation.folds is 10", "only 4 of the 20"), "set dataset.validation.folds to 2", spec={"dataset": {"validation": {"folds": 10}}}, damage=repeat_rows),
    BadInput("more bad rows than may be dropped", SORT, DATA, ("dataset.train", "1 of 20 rows", SECOND), "mend the rows", {"text": ""}, {"dataset": {"onBadRow": "Drop"}}),
    BadInput("a template with half a brace", SORT, CONFIG, ("dataset.textTemplate", "'{text} }'"), "one pair of braces", spec={"dataset": {"textTemplate": "{text} }"}}),
    # Other rows of texts.
    BadInput("a word for a number", "TextRegression", DATA, (SECOND, "'good' where a number belongs"), "dataset.columns.label", {"label": "good"}),
    BadInput("a number that is none", "TextRegression", DATA, (SECOND, "the number nan"), "dataset.columns.label", {"label": "nan"}),
    BadInput("no number", "TextRegression", DATA, (SECOND, "no number"), "dataset.columns.label", {"label": None}),
    BadInput("fewer tags than words", TAG, DATA, (SECOND, "tags"), "mend or remove", {"tags": ["O"]}),
    BadInput("a word without a tag", TAG, DATA, (SECOND, "no tag for its word 2"), "dataset.columns.tags", {"tokens": ["a", "b"], "tags": ["O", None]}),
    BadInput("a number for words", TAG, DATA, (SECOND, "a int where the list of words belongs (7)"), "dataset.columns.tokens", {"tokens": 7}),
    BadInput("an answer at another place", ASK, DATA, (SECOND, "'film' at answer_start 2", "begins at 4"), "mend or remove", {"context": "the film", "answers": {"text": ["film"], "answer_start": [2]}}),
    BadInput("an answer that is a text", ASK, DATA, (SECOND, "'film'", "answer_start"), "dataset.columns.answers", {"answers": "film"}),
    BadInput("a question longer than its window", ASK, DATA, ("dataset.columns.question", SECOND, "a question of 40 tokens", "have room for 32"), "training.maxLength", {"question": "is " * 40}),
    BadInput("a stride as long as the window", ASK, CONFIG, ("training.documentStride is 60", "holds"), "set documentStride to", spec={"training": {"documentStride": 60}}),
    BadInput("an empty target", "Seq2Seq", DATA, (SECOND, "an empty text"), "dataset.columns.target", {"target": " "}),
    BadInput("nothing to go on from", "CausalLM", DATA, (SECOND, "no text"), "dataset.columns.text", {"text": None}),
    BadInput("nothing to hide", "MaskedLM", DATA, (SECOND, "an empty text"), "dataset.columns.text", {"text": ""}),
    BadInput("a role of another format", CHAT, DATA, (SECOND, "message 1 with the role 'human'"), "human is user here", {"messages": [{"role": "human", "content": "a"}, REPLY]}),
    BadInput("a chat without an answer", CHAT, DATA, (SECOND, "without an answer to learn from"), "dataset.columns.messages", {"messages": USERS[:1]}),
    BadInput("a chat that its template refuses", CHAT, DATA, (SECOND, "roles must take turns"), "", {"messages": [*USERS, REPLY]}),
    # Pictures and sounds.
    BadInput("a missing image", "ImageClassification", DATA, (SECOND, "'no.png'", "not there"), "dataset.columns.image", {"image": "no.png"}),
    BadInput("a path that climbs", "ImageClassification", DATA, (SECOND, "'../../a.png'", "leads out of"), "dataset.columns.image", {"image": "../../a.png"}),
    BadInput("a text that is called an image", "ImageClassification", DATA, (SECOND, "'text.png'", "none of a known format"), "dataset.columns.image", {"image": "text.png"}, damage=write("text.png", "hello")),
    BadInput("a box outside of its image", "ObjectDetection", DATA, (SECOND, "the box [30, 0, 10, 5]", "32x32 pixels"), "mend or remove", boxes([[30, 0, 10, 5]], ["red"])),
    BadInput("a box of negative width", "ObjectDetection", DATA, (SECOND, "the box [5, 5, -2, 3]"), "dataset.columns.objects", boxes([[5, 5, -2, 3]], ["red"])),
    BadInput("more names than boxes", "ObjectDetection", DATA, (SECOND, "1 boxes and 2 categories"), "dataset.columns.objects", boxes([[5, 5, 2, 3]], ["red", "blue"])),
    BadInput("a text that is called a sound", "AudioClassification", DATA, (SECOND, "'text.wav'", "cannot be read"), "dataset.columns.audio", {"audio": "text.wav"}, damage=write("text.wav", "hello")),
    BadInput("a sound from elsewhere", "AudioClassification", DATA, (SECOND, "'/etc/hostname'", "no path beside the data"), "dataset.columns.audio", {"audio": "/etc/hostname"}),
    BadInput("a sound without samples", "AudioClassification", DATA, (SECOND, "'empty.wav'", "no samples"), "dataset.columns.audio", {"audio": "empty.wav"}, damage=empty_sound),
    BadInput("nothing said", "SpeechRecognition", DATA, (SECOND, "an empty text"), "dataset.columns.transcript", {"transcript": " "}),
    BadInput("nothing to hear", "SpeechRecognition", DATA, (SECOND, "no sound"), "dataset.columns.audio", {"audio": None}),
    BadInput("more said than there is time for", "SpeechRecognition", DATA, ("row 1 of train.jsonl", "a transcript of 80 characters", "15 frames"), "correct or remove the rows", damage=speak_too_much),
    # The files of the model.
    BadInput("a model that is not there", SORT, MISSING, ("model.source", "pvc://data/other is not there"), "config.json", spec={"model": {"source": "pvc://data/other"}}),
    BadInput("a model without configuration", SORT, MISSING, ("model.source", "no config.json"), "config.json", damage=remove("config.json")),
    BadInput("a configuration that is no JSON", SORT, CONFIG, ("model.source", "config.json is no JSON"), "", damage=write("base/config.json", "{")),
    BadInput("a configuration of nothing", SORT, CONFIG, ("model.source", "no model_type"), "transformers", damage=configure(model_type=None)),
    BadInput("a kind of model that nobody knows", SORT, CONFIG, ("model.source", "the type 'x'"), "code of their own are not run", damage=configure(model_type="x")),
    BadInput("nothing but pickles", SORT, CONFIG, ("model.source", "pytorch_model.bin"), "safetensors", damage=only_pickles),
    BadInput("weights that are cut off", SORT, CONFIG, ("model.safetensors is broken", "bytes"), "copy or download the model again", damage=cut_weights),
    BadInput("weights of another shape", SORT, CONFIG, ("the weights do not fit config.json", "parameters"), "belong together", damage=configure(intermediate_size=128)),
    BadInput("a model without tokenizer", SORT, MISSING, ("model.source", "no tokenizer"), "model.tokenizerSource", damage=remove("tokenizer.json", "tokenizer_config.json")),
    BadInput("a tokenizer without places, for tags", TAG, CONFIG, ("ByT5Tokenizer", "which word each token comes from"), "model.tokenizerSource", damage=use_slow_tokenizer),
    BadInput("a tokenizer without places, for answers", ASK, CONFIG, ("ByT5Tokenizer", "where in the context"), "model.tokenizerSource", damage=use_slow_tokenizer),
    BadInput("a tokenizer that cannot hide words", "MaskedLM", CONFIG, ("task MaskedLM", "no mask token"), "CausalLM", damage=configure("tokenizer_config.json", mask_token=None)),
    BadInput("an encoder that shall write", "Seq2Seq", CONFIG, ("model.source", "a bert model, which cannot do Seq2Seq"), "choose a model", model="bert"),
    BadInput("an encoder-decoder that shall go on", "CausalLM", CONFIG, ("model.source", "a t5 model, which cannot do CausalLM"), "choose a model", model="t5"),
    BadInput("a decoder that shall guess words", "MaskedLM", CONFIG, ("model.source", "a gpt2 model, which cannot do MaskedLM"), "choose a model", model="gpt2"),
    BadInput("a decoder without a beginning", "Seq2Seq", CONFIG, ("t5 model", "decoder_start_token_id"), "set decoder_start_token_id", damage=configure(decoder_start_token_id=None)),
    BadInput("a model of texts for images", "ImageClassification", MISSING, ("pvc://data/base", "no image processor"), "preprocessor_config.json", model="bert"),
    BadInput("a model that sorts, to find objects", "ObjectDetection", CONFIG, ("a vit model, which cannot do ObjectDetection",), "choose a model", model="vit"),
    BadInput("a model of texts for sounds", "AudioClassification", MISSING, ("pvc://data/base", "no feature extractor"), "preprocessor_config.json", model="bert"),
    BadInput("a model of texts for speech", "SpeechRecognition", MISSING, ("pvc://data/base", "no feature extractor"), "preprocessor_config.json", model="bert"),
    # What only the build of the model shows.
    BadInput("more layers than there are", SORT, CONFIG, ("method.freeze.lowestLayers is 12", "2 layers"), "at most 2", spec={"method": {"freeze": {"lowestLayers": 12}}}),
    BadInput("a pattern that matches nothing", SORT, CONFIG, ("method.freeze.modules", "'roberta.*'"), "parameters are named like", spec={"method": {"freeze": {"modules": ["roberta.*"]}}}),
    BadInput("nothing left to train", SORT, CONFIG, ("method.freeze", "nothing is left"), "freeze less", spec={"method": {"freeze": {"modules": ["*"]}}}),
    BadInput("an adapter for a layer of another family", SORT, CONFIG, ("method.lora.targetModules", "'q_proj'"), "did you mean", spec={"method": {"type": "LoRA", "lora": {"targetModules": ["q_proj"]}}}),
    BadInput("virtual tokens that leave no room", SORT, CONFIG, ("virtualTokens is 60", "64 positions"), "set virtualTokens to at most 32", spec={"method": {"type": "PromptTuning", "promptTuning": {"virtualTokens": 60}}}),
    BadInput("more words than virtual tokens", SORT, CONFIG, ("initialText has 4 tokens", "virtualTokens is 2"), "set virtualTokens to 4", spec={"method": {"type": "PromptTuning", "promptTuning": {"virtualTokens": 2, "initialText": "is it good film"}}}),
    BadInput("virtual tokens before a decoder that sorts", SORT, CONFIG, ("method.type is PromptTuning", "a gpt2 model"), "use LoRA", spec={"method": {"type": "PromptTuning"}}, model="gpt2"),
    BadInput("a dropout that the model lacks", "CausalLM", CONFIG, ("model.dropout.classifier is 0.1", "gpt2"), "remove model.dropout.classifier", spec={"model": {"dropout": {"classifier": 0.1}}}),
    BadInput("an output layer that is tied, alone", "CausalLM", CONFIG, ("method.type is FeatureExtraction", "tied to the embeddings"), "use LoRA", spec={"method": {"type": "FeatureExtraction"}}),
    BadInput("an output layer that is tied, first", "CausalLM", CONFIG, ("method.gradualUnfreezing", "tied to the embeddings"), "layerwiseLearningRateDecay", spec={"method": {"gradualUnfreezing": {}}}),
    BadInput("a rate for an output layer that is tied", "CausalLM", CONFIG, ("training.headLearningRate is 0.01", "tied to the embeddings"), "remove headLearningRate", spec={"training": {"headLearningRate": 0.01}}),
    # What is compared, and where it goes.
    BadInput("groups of one value", SORT, DATA, ("evaluation.slices.columns", "the kind 'a'"), "name another column", spec={"evaluation": {"slices": {"columns": ["kind"]}}}, damage=add_column("kind")),
    BadInput("nothing to forget", SORT, CONFIG, ("evaluation.forgetting", "pvc://data/base has no output layer"), "dataset.replay", spec={"evaluation": GENERAL}, damage=write_general),
    BadInput("nothing to forget in any fold", SORT, CONFIG, ("evaluation.forgetting", "no output layer"), "dataset.replay", spec={"dataset": {"validation": {"folds": 2}}, "evaluation": GENERAL}, damage=write_general),
    BadInput("a model to beat that is not there", SORT, MISSING, ("evaluation.gate.beatModel", "pvc://data/best is not there"), "config.json", spec={"evaluation": {"gate": {"beatModel": "pvc://data/best"}}}),
    BadInput("a model to beat that knows other labels", SORT, CONFIG, ("evaluation.gate.beatModel", "pvc://data/base", "negative, positive"), "same labels", spec={"evaluation": {"gate": {"beatModel": "pvc://data/base"}}}),
    BadInput("a model to beat without an output layer", "TextRegression", CONFIG, ("evaluation.gate.beatModel", "pvc://data/base has no output layer for TextRegression"), "job://last-week", spec={"evaluation": {"gate": {"beatModel": "pvc://data/base"}}}),
    BadInput("probes of a single text for pairs", SORT, CONFIG, ("evaluation.probes", "dataset.columns.textPair"), "remove evaluation.probes", spec={"dataset": {"columns": {"textPair": "other"}}, "evaluation": {"probes": ["a fine film"]}}, damage=add_column("other")),
    BadInput("a destination with files of others", SORT, CONFIG, ("output.destination is pvc://data/model", "thesis.odt"), "an empty or a new folder", damage=litter),
    BadInput("a destination that is a file", SORT, CONFIG, ("output.destination is pvc://data/model", "is a file"), "name a folder", damage=write("model", "")),
    BadInput("a destination on a claim that is not there", SORT, MISSING, ("output.destination is pvc://models/a", "'models'"), "make the claim", spec={"output": {"destination": "pvc://models/a"}}),
)  # fmt: skip
