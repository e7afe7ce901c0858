"""Whatever can be refused is refused before the weights of a model are read: the whole table."""

import json
import logging
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import transformers

from bad_inputs import BAD_INPUTS, MODELS, TASKS, BadInput
from finetune_api.contract.exit_codes import ExitCode
from language_models import make_facts, make_tiny_llama, write_model
from trainer_jobs import TrainerJob, write_jsonl
from trainer_runs import run


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Models by name, each made once."""
    folder = tmp_path_factory.mktemp("models")
    made: dict[str, Path] = {}

    def find(name: str) -> Path:
        if name not in made:
            made[name] = MODELS[name](folder / name)
        return made[name]

    return find


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The models that the library was asked to load with their weights."""
    found: list[str] = []
    original: Any = transformers.PreTrainedModel.from_pretrained

    def watch(cls: Any, folder: Any, *args: Any, **options: Any) -> Any:
        if options.get("device_map") != "meta":
            found.append(str(folder))
        return original.__func__(cls, folder, *args, **options)

    monkeypatch.setattr(transformers.PreTrainedModel, "from_pretrained", classmethod(watch))
    return found


@pytest.mark.parametrize("bad", [pytest.param(b, id=f"{b.task}: {b.name}") for b in BAD_INPUTS])
def test_bad_input_is_refused_before_a_model_is_loaded(
    tmp_path: Path, models: Callable[[str], Path], loads: list[str], bad: BadInput
) -> None:
    job = bad.build(tmp_path, models)

    outcome = run(job)

    told = f"{outcome.message} ({outcome.hint})"
    assert (outcome.exit_code, loads) == (bad.code, []), told
    assert [part for part in bad.says if part not in outcome.message] == [], told
    assert bad.fix in told


def test_the_table_covers_every_task_and_is_long() -> None:
    assert {bad.task for bad in BAD_INPUTS} == set(TASKS)
    assert len(BAD_INPUTS) >= 60


def test_a_job_that_nothing_is_wrong_with_loads_its_model(
    tmp_path: Path, models: Callable[[str], Path], loads: list[str]
) -> None:
    """What the table is about is the difference to this job; and the watch does see a load."""
    bad = BadInput("nothing", "TextClassification", ExitCode.DONE, (), "")

    outcome = run(bad.build(tmp_path, models))

    assert outcome.succeeded, outcome.message
    assert len(loads) == 1


def test_a_model_that_no_machine_holds_is_refused_with_numbers_and_remedy(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its weights are a hole of hundreds of gigabytes: only their header is ever read."""
    caplog.set_level(logging.INFO)
    job = TrainerJob(
        tmp_path,
        {
            "task": "CausalLM",
            "model": {"source": "pvc://data/base"},
            "dataset": {"train": {"source": "pvc://data/train.jsonl"}},
            "training": {"batchSize": 4, "precision": "Float32"},
            "resources": {"gpusPerNode": 0},
            "output": {"destination": "pvc://data/model"},
        },
    )
    write_jsonl(job.claim / "train.jsonl", make_facts(20))
    make_hollow_llama(job.claim / "base")

    outcome = run(job)

    assert outcome.exit_code == ExitCode.BAD_CONFIG
    assert "training needs about" in outcome.message
    assert "GiB (weights 384" in outcome.message
    assert "but this pod has" in outcome.message
    assert "LoRA" in (outcome.hint or "")
    assert outcome.report is not None
    assert outcome.report.resolved is not None
    assert (outcome.report.resolved.memory_estimate or "") in outcome.message
    assert "memory needed: about" in caplog.text


def make_hollow_llama(folder: Path) -> None:
    """Write a Llama of 100 billion weights as a sparse file."""
    import torch

    make_tiny_llama(folder)
    sizes = {"hidden_size": 32768, "intermediate_size": 131072, "num_hidden_layers": 6}
    heads = {"num_attention_heads": 64, "num_key_value_heads": 64, "head_dim": 512}
    write_model(folder, sizes | heads)
    config = transformers.AutoConfig.from_pretrained(folder)
    with torch.device("meta"):
        weights = transformers.LlamaForCausalLM(config).state_dict()
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, weight in weights.items():
        begin, end = end, end + 4 * weight.numel()
        header[name] = {
            "dtype": "F32", "shape": list(weight.shape), "data_offsets": [begin, end],
        }  # fmt: skip
    content = json.dumps(header).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(content)) + content)
        file.truncate(8 + len(content) + end)
