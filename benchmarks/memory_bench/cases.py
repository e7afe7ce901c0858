"""What is measured: models of real sizes with random weights, each trained for a few steps.

The weights are random because only their size counts here; the shapes are those of models that
people fine-tune. All rows are longer than `maxLength`, so that every batch is the largest.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetune_api.contract.environment import Variable
from language_models import make_tokenizer
from trainer_jobs import TrainerJob, write_jsonl
from trainer_media import make_patches

ROWS = 64
STEPS = 3
VOCABULARY = 30_522
TOKENS = {
    "bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>",
    "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>",
}  # fmt: skip
MINILM = {"hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 6}


@dataclass(frozen=True, slots=True)
class Case:
    """One training.

    Attributes:
        name: as it is shown.
        task: spec.task.
        make_model: writes the model.
        batch: as it is shown, rows x tokens or pixels.
        training: spec.training, besides the steps.
        method: spec.method.
    """

    name: str
    task: str
    make_model: Callable[[Path], None]
    batch: str
    training: dict[str, Any] = field(default_factory=dict)
    method: dict[str, Any] = field(default_factory=dict)


def make_encoder(folder: Path, **sizes: int) -> None:
    """Write a BERT of the size of MiniLM, or another one."""
    from transformers import BertConfig, BertModel

    _make_words(folder)
    shape: dict[str, Any] = {**MINILM, "num_attention_heads": 12, **sizes}
    BertModel(BertConfig(vocab_size=VOCABULARY, **shape)).save_pretrained(folder)


def make_base_encoder(folder: Path) -> None:
    """Write a model of the size of BERT base."""
    make_encoder(folder, hidden_size=768, intermediate_size=3072, num_hidden_layers=12)


def make_decoder(folder: Path) -> None:
    """Write a GPT-2 of half its size, with a vocabulary as large as usual."""
    from transformers import GPT2Config, GPT2LMHeadModel

    _make_words(folder)
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_embd=512,
        n_layer=6,
        n_head=8,
        n_positions=512,
        bos_token_id=0,
        eos_token_id=0,
    )
    GPT2LMHeadModel(config).save_pretrained(folder)


def make_vision_model(folder: Path) -> None:
    """Write a ViT of the size of DeiT small, for images of 224 pixels."""
    from transformers import ViTConfig, ViTImageProcessor, ViTModel

    shape: dict[str, Any] = {
        "hidden_size": 384,
        "intermediate_size": 1536,
        "num_attention_heads": 6,
    }
    ViTModel(ViTConfig(**shape)).save_pretrained(folder)
    ViTImageProcessor().save_pretrained(folder)


def _make_words(folder: Path) -> None:
    tokenizer = make_tokenizer(folder, TOKENS, begin="<s>", end="</s>")
    tokenizer.model_max_length = 512
    tokenizer.save_pretrained(folder)


SORTING = "TextClassification"
CASES: tuple[Case, ...] = (
    Case("Full", SORTING, make_encoder, "16 x 128", {"maxLength": 128, "batchSize": 16}),
    Case("BFloat16", SORTING, make_encoder, "16 x 128",
         {"maxLength": 128, "batchSize": 16, "precision": "BFloat16"}),
    Case("gradient checkpointing", SORTING, make_encoder, "16 x 256",
         {"maxLength": 256, "batchSize": 16, "gradientCheckpointing": True}),
    Case("embeddings and 3 layers frozen", SORTING, make_encoder, "16 x 256",
         {"maxLength": 256, "batchSize": 16}, {"freeze": {"embeddings": True, "lowestLayers": 3}}),
    Case("LoRA", SORTING, make_encoder, "16 x 256",
         {"maxLength": 256, "batchSize": 16}, {"type": "LoRA"}),
    Case("512 tokens", SORTING, make_encoder, "8 x 512", {"maxLength": 512, "batchSize": 8}),
    Case("accumulation, SGD", SORTING, make_encoder, "8 x 256",
         {"maxLength": 256, "batchSize": 8, "gradientAccumulationSteps": 2, "optimizer": "SGD"}),
    Case("BERT base", SORTING, make_base_encoder, "8 x 64", {"maxLength": 64, "batchSize": 8}),
    Case("causal LM", "CausalLM", make_decoder, "8 x 128", {"maxLength": 128, "batchSize": 8}),
    Case("images", "ImageClassification", make_vision_model, "16 x 224²", {"batchSize": 16}),
)  # fmt: skip


def build_job(case: Case, folder: Path) -> TrainerJob:
    """Write model and rows, and give the job."""
    job = TrainerJob(
        folder,
        {
            "task": case.task,
            "model": {"source": "pvc://data/base"},
            "dataset": {
                "train": {"source": "pvc://data/train.jsonl"},
                "validation": {"source": "pvc://data/validation.jsonl"},
            },
            "training": {"maxSteps": STEPS, "precision": "Float32", **case.training},
            "method": case.method,
            "output": {"destination": "pvc://data/model"},
            "resources": {"gpusPerNode": 0},
        },
    )
    (job.claim / "base").mkdir(parents=True)
    case.make_model(job.claim / "base")
    for seed, name in enumerate(("train", "validation")):
        write_jsonl(job.claim / f"{name}.jsonl", _make_rows(case.task, job.claim, seed))
    job.variables[Variable.CPU_LIMIT_MILLICORES] = "2000"
    return job


def _make_rows(task: str, folder: Path, seed: int) -> list[dict[str, Any]]:
    if task == "ImageClassification":
        return make_patches(folder, ROWS, seed=seed)
    labels = ("good", "bad")
    return [
        {"text": f"{seed} {number} " + "a film " * 300, "label": labels[number % 2]}
        for number in range(ROWS)
    ]
