"""Whole runs of every method: what moves, what is left behind, and that others can load it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
import transformers
from safetensors.torch import load_file

from finetune_api.contract.exit_codes import ExitCode
from finetune_trainer.models.quick_attention import register_quick_attention
from language_models import make_facts, make_tiny_gpt2
from trainer_jobs import TrainerJob, a_trainer_job, make_reviews
from trainer_processes import CHECKS_BEFORE_TRAINING, PreemptAtCheck
from trainer_runs import run, run_well

DEADLINE_SECONDS = 120
NEW_NAMES = {"positive": "praise", "negative": "blame"}


@pytest.fixture(scope="module")
def schooled_bert(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Path:
    """A model that knows good films from bad ones: methods that keep it need what it knows."""
    job = a_trainer_job(tmp_path_factory.mktemp("school"), tiny_bert, rows=300)
    before = dict(os.environ)
    run_well(job.with_spec(training={"epochs": 4, "learningRate": 0.003}))
    os.environ.clear()
    os.environ.update(before)
    return job.output


@pytest.fixture
def schooled_job(tmp_path: Path, schooled_bert: Path) -> TrainerJob:
    """6 epochs on labels that are new to the model: its output layer must be learned anew."""
    job = a_trainer_job(tmp_path, schooled_bert).with_train_rows(rename(make_reviews(200)))
    return job.with_spec(training={"epochs": 6})


def rename(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the labels names that the schooled model does not know."""
    return [{**row, "label": NEW_NAMES[row["label"]]} for row in rows]


def read_metrics(job: TrainerJob) -> Any:
    return json.loads((job.output / "metrics.json").read_text())


def ask(model: Any, tokenizer: Any, text: str) -> Any:
    model.eval()
    with torch.no_grad():
        return model(**tokenizer(text, return_tensors="pt")).logits


def load_base(job: TrainerJob, **options: Any) -> Any:
    return transformers.AutoModelForSequenceClassification.from_pretrained(
        job.claim / "base", **options
    )


def read_files(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("method", "rate"),
    [
        pytest.param({"type": "LoRA"}, 0.01, id="LoRA"),
        pytest.param({"type": "IA3"}, 0.03, id="IA3"),
        pytest.param(
            {"type": "PromptTuning", "promptTuning": {"virtualTokens": 4}}, 0.1, id="PromptTuning"
        ),
        pytest.param({"type": "PrefixTuning"}, 0.03, id="PrefixTuning"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_an_adapter_learns_and_is_all_that_is_kept(
    schooled_job: TrainerJob, method: dict[str, Any], rate: float
) -> None:
    """The warning is of peft about transformers, both foreign."""
    job = schooled_job.with_test_rows(rename(make_reviews(40, seed=9, offset=900)))
    job.with_spec(method=method, training={"learningRate": rate})

    report = run_well(job).report

    found = read_metrics(job)
    assert found["testBaseline"]["accuracy"] == 0.5
    assert found["test"]["accuracy"] > 0.9
    assert report is not None
    assert report.resolved is not None
    parameters = report.resolved.parameters
    assert parameters is not None
    assert parameters.trainable < parameters.total / 4
    saved = [job.output, *job.checkpoints.glob("checkpoint-*"), *job.checkpoints.glob("best-*")]
    assert len(saved) >= 3
    for folder in saved:
        assert "adapter_model.safetensors" in read_files(folder)
        assert "model.safetensors" not in read_files(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(job.output)
    model = peft.PeftModel.from_pretrained(load_base(job), str(job.output))
    texts = ("this film was awful and dull", "this film was superb and lovely")
    assert [int(ask(model, tokenizer, text).argmax()) for text in texts] == [0, 1]


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")
def test_a_merged_adapter_is_a_plain_model_with_the_same_answers(job: TrainerJob) -> None:
    """The warning is of peft about transformers, both foreign."""
    job.with_spec(method={"type": "LoRA"}, output={"formats": ["Safetensors", "MergedAdapter"]})
    job.with_spec(training={"learningRate": 0.05})

    run_well(job)

    plain = transformers.AutoModelForSequenceClassification.from_pretrained(job.output)
    adapter = job.output / "adapter"
    assert {"adapter_config.json", "adapter_model.safetensors", "tokenizer.json"} <= read_files(
        adapter
    )
    beside = peft.PeftModel.from_pretrained(load_base(job), str(adapter))
    tokenizer = transformers.AutoTokenizer.from_pretrained(job.output)
    answers = [ask(model, tokenizer, "a superb film").numpy() for model in (plain, beside)]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-4)
    assert plain.config.id2label == {0: "negative", 1: "positive"}
    untouched = load_file(job.claim / "base" / "model.safetensors")
    merged = load_file(job.output / "model.safetensors")
    moved = {name for name in untouched if not untouched[name].equal(merged[f"bert.{name}"])}
    assert {name.rsplit(".", 2)[1] for name in moved} == {"query", "value"}


def test_a_merged_model_alone_leaves_no_adapter(job: TrainerJob) -> None:
    job.with_spec(method={"type": "IA3"}, output={"formats": ["MergedAdapter"]})

    run_well(job)

    assert "model.safetensors" in read_files(job.output)
    assert not any("adapter" in name for name in read_files(job.output))


@pytest.mark.parametrize(
    "method", [pytest.param("LoRA", id="LoRA"), pytest.param("PromptTuning", id="PromptTuning")]
)
def test_an_adapter_that_is_interrupted_everywhere_is_the_same(
    job: TrainerJob, method: str
) -> None:
    job.with_spec(
        method={"type": method},
        checkpoints={"every": "Steps", "everySteps": 3},
        earlyStopping={"enabled": False, "metric": "loss"},
    )
    run_well(job)
    expected = results(job)
    clean(job)

    attempts = 0
    while not job.output.exists():
        attempts += 1
        run(job.with_attempt(attempts), PreemptAtCheck(CHECKS_BEFORE_TRAINING + 1 + 5 * attempts))

    assert attempts > 2
    assert results(job) == expected


def results(job: TrainerJob, weights: str = "adapter_model.safetensors") -> tuple[Any, bytes]:
    return read_metrics(job), (job.output / weights).read_bytes()


def clean(job: TrainerJob) -> None:
    shutil.rmtree(job.output)
    shutil.rmtree(job.checkpoints)


def test_sigterm_saves_the_adapter_and_the_next_attempt_goes_on(job: TrainerJob) -> None:
    job.with_spec(
        method={"type": "LoRA"},
        training={"epochs": 300},
        earlyStopping={"enabled": False},
        checkpoints={"every": "Steps", "everySteps": 1},
    )
    process = start(job)
    wait_for(lambda: any(job.checkpoints.glob("checkpoint-*")), process)

    process.send_signal(signal.SIGTERM)

    assert process.wait(DEADLINE_SECONDS) == ExitCode.PREEMPTED
    newest = max(job.checkpoints.glob("checkpoint-*"), key=lambda path: int(path.name[11:]))
    assert "adapter_model.safetensors" in read_files(newest)
    report = run(job.with_attempt(2), PreemptAtCheck(CHECKS_BEFORE_TRAINING + 8)).report
    assert report is not None
    assert report.resumed_from_step == int(newest.name[11:])
    assert report.step > report.resumed_from_step


def start(job: TrainerJob) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "finetune_trainer"], env=os.environ | job.environment()
    )


def wait_for(is_there: Any, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_there():
        assert process.poll() is None, "the trainer ended"
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_language_model_gets_an_adapter_and_its_baseline_is_the_untouched_model(
    job: TrainerJob, tmp_path: Path
) -> None:
    make_tiny_gpt2(job.claim / "gpt2")
    job.with_train_rows(make_facts(80), "facts.jsonl").with_spec(
        task="CausalLM",
        model={"source": "pvc://data/gpt2"},
        method={"type": "PromptTuning", "promptTuning": {"virtualTokens": 4}},
        training={"epochs": 2, "learningRate": 0.05},
    )

    run_well(job)

    found = read_metrics(job)
    assert found["best"]["perplexity"] < found["baseline"]["perplexity"]
    clean(job)
    job.with_spec(method={"type": "LoRA", "promptTuning": None})
    run_well(job)
    # Virtual tokens would have changed the baseline; a new LoRA changes nothing.
    assert read_metrics(job)["baseline"] == found["baseline"]


def test_feature_extraction_learns_and_moves_the_output_layer_alone(
    schooled_job: TrainerJob,
) -> None:
    schooled_job.with_spec(
        method={"type": "FeatureExtraction"}, training={"epochs": 4, "learningRate": 0.05}
    )

    run_well(schooled_job)

    before = load_file(schooled_job.claim / "base" / "model.safetensors")
    after = load_file(schooled_job.output / "model.safetensors")
    moved = {name for name in before if not before[name].equal(after[name])}
    assert moved == {"classifier.weight", "classifier.bias"}
    assert read_metrics(schooled_job)["best"]["accuracy"] == 1.0


@pytest.fixture
def unfreezing(job: TrainerJob) -> TrainerJob:
    """4 epochs of 8 steps; 2 layers, then the embeddings, one after each epoch."""
    return job.with_spec(
        method={"gradualUnfreezing": {}},
        training={"epochs": 4},
        checkpoints={"every": "Steps", "everySteps": 4, "keep": 10},
        earlyStopping={"enabled": False, "metric": "loss"},
    )


def test_layers_begin_to_move_epoch_by_epoch(unfreezing: TrainerJob) -> None:
    run_well(unfreezing)

    saved = {
        int(path.name[11:]): load_file(path / "model.safetensors")
        for path in unfreezing.checkpoints.glob("checkpoint-*")
    }
    base = load_file(unfreezing.claim / "base" / "model.safetensors")
    marks = ("encoder.layer.1.", "pooler.", "encoder.layer.0.", "embeddings.")
    moved = {
        step: tuple(
            any(not base[name].equal(saved[step][f"bert.{name}"]) for name in base if mark in name)
            for mark in marks
        )
        for step in (8, 12, 16, 20, 24, 28)
    }
    assert moved == {
        8: (False, False, False, False),
        12: (True, True, False, False),
        16: (True, True, False, False),
        20: (True, True, True, False),
        24: (True, True, True, False),
        28: (True, True, True, True),
    }


def test_unfreezing_goes_on_where_it_was(unfreezing: TrainerJob) -> None:
    run_well(unfreezing)
    expected = results(unfreezing, "model.safetensors")
    clean(unfreezing)

    attempts = 0
    while not unfreezing.output.exists():
        attempts += 1
        run(
            unfreezing.with_attempt(attempts),
            PreemptAtCheck(CHECKS_BEFORE_TRAINING + 4 + 6 * attempts),
        )

    assert attempts > 2
    assert results(unfreezing, "model.safetensors") == expected


def test_a_schedule_on_a_plateau_hears_of_an_evaluation_that_was_cut_short(job: TrainerJob) -> None:
    job.with_spec(
        training={"schedule": {"type": "ReduceOnPlateau"}, "learningRate": 0.003},
        evaluation={"every": "Steps", "everySteps": 3},
        earlyStopping={"enabled": False, "metric": "loss"},
    )
    run_well(job)
    expected = results(job, "model.safetensors")
    clean(job)

    # Four checks come before the first step; the eighth is inside the evaluation of step 3.
    assert run(job, PreemptAtCheck(CHECKS_BEFORE_TRAINING + 4)).exit_code == ExitCode.PREEMPTED
    assert not any(job.checkpoints.glob("best-*"))
    run_well(job.with_attempt(2))

    assert results(job, "model.safetensors") == expected


def test_a_run_too_short_to_open_everything_is_warned_of(unfreezing: TrainerJob) -> None:
    report = run_well(unfreezing.with_spec(training={"epochs": 2})).report

    assert report is not None
    assert report.resolved is not None
    assert any(
        "opens everything after 3 epochs, but the run has 2: 1 of 2 layers" in warning
        for warning in report.resolved.warnings
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param(
            {"method": {"type": "LoRA", "lora": {"targetModules": ["q_proj"]}}},
            "method.lora.targetModules: 'q_proj' is no linear layer of this bert model",
            id="modules of another family",
        ),
        pytest.param(
            {"method": {"type": "PromptTuning", "promptTuning": {"virtualTokens": 60}}},
            "virtualTokens is 60, but the model has 64 positions",
            id="no room for a text",
        ),
        pytest.param(
            {"method": {"type": "QLoRA"}, "resources": {"gpusPerNode": 1}},
            "method.type is QLoRA, but there is no CUDA GPU",
            id="four bits without a GPU",
        ),
        pytest.param(
            {
                "method": {"type": "LoRA"},
                "model": {"dropout": {"classifier": 0.1}, "source": "pvc://data/adapter"},
            },
            "model.source pvc://data/adapter is an adapter without the model",
            id="an adapter as a model",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_field(
    job: TrainerJob, changes: dict[str, Any], message: str
) -> None:
    (job.claim / "adapter").mkdir()
    (job.claim / "adapter" / "adapter_config.json").write_text("{}")

    outcome = run(job.with_spec(**changes))

    assert outcome.exit_code == ExitCode.BAD_CONFIG
    assert message in outcome.message


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:The .grad attribute:UserWarning"
)
def test_a_compiled_model_trains_and_is_saved_as_a_plain_one(job: TrainerJob) -> None:
    """The warnings are of the compiler, which hides the last one, but not from other threads."""
    register_quick_attention()  # as a training before it in this process has
    job.with_spec(training={"compile": True, "epochs": 1})

    run_well(job)

    names = load_file(job.output / "model.safetensors").keys()
    assert "classifier.weight" in names
    assert not any("_orig_mod" in name for name in names)
