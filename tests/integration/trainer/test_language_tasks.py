"""Whole runs of the language-model tasks: what they learn, and what they leave for others."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from finetune_api.contract.exit_codes import ExitCode
from finetune_api.contract.progress import ProgressReport
from language_models import (
    SOUNDS,
    make_chats,
    make_facts,
    make_sums,
    make_tiny_bart,
    make_tiny_gpt2,
    make_tiny_llama,
    make_tiny_roberta,
    make_tiny_t5,
    write_model,
)
from trainer_jobs import Row, TrainerJob, a_trainer_job, make_reviews, write_jsonl
from trainer_processes import CHECKS_BEFORE_TRAINING, PreemptAtCheck
from trainer_runs import run


def a_language_job(folder: Path, task: str, model: Path, rows: list[Row]) -> TrainerJob:
    """A job of some epochs at a rate at which tiny models learn."""
    job = a_trainer_job(folder, model).with_train_rows(rows, "train.jsonl")
    return job.with_spec(
        task=task,
        training={"epochs": 4, "learningRate": 0.01, "maxLength": 48},
        evaluation={"batchSize": 16},
    )


def run_well(job: TrainerJob) -> ProgressReport:
    outcome = run(job)
    assert outcome.succeeded, outcome.message
    assert outcome.report is not None
    return outcome.report


def compare(report: ProgressReport, metric: str) -> tuple[float, float]:
    """Give a metric of the untouched and of the best model."""
    assert report.metrics is not None
    before, after = (
        {found.name: found.value for found in metrics or ()}[metric]
        for metrics in (report.metrics.baseline, report.metrics.best)
    )
    return before, after


def write(folder: Path, auto_model: str, text: str, **options: Any) -> str:
    """Load what a job left as any user of transformers would, and let it write."""
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = getattr(transformers, auto_model).from_pretrained(folder).eval()
    inputs = tokenizer(text, return_tensors="pt", **options)
    made = model.generate(inputs["input_ids"], max_new_tokens=12, do_sample=False)
    if not model.config.is_encoder_decoder:
        made = made[:, inputs["input_ids"].shape[1] :]
    written: str = tokenizer.decode(made[0], skip_special_tokens=True)
    return written.strip()


@pytest.mark.parametrize(
    ("make", "rate", "reached"),
    [
        pytest.param(make_tiny_t5, 0.01, 0.6, id="T5"),
        pytest.param(make_tiny_bart, 0.005, 0.2, id="BART"),
    ],
)
def test_a_model_learns_to_translate(
    make: Any, rate: float, reached: float, tmp_path: Path
) -> None:
    job = a_language_job(tmp_path, "Seq2Seq", make(tmp_path / "tiny"), make_sums(400))
    job.with_spec(
        training={"epochs": 12, "learningRate": rate, "maxTargetLength": 16, "batchSize": 16},
        evaluation={
            "every": "Steps",
            "everySteps": 80,
            "generation": {"maxNewTokens": 8},
            "probes": ["4 2"],
        },
    )

    report = run_well(job)

    before, after = compare(report, "rougeL")
    assert before < 0.1 < reached < after
    assert compare(report, "chrf")[1] > compare(report, "chrf")[0]
    assert compare(report, "loss")[1] < compare(report, "loss")[0]
    probes = json.loads((job.output / "probes.json").read_text())["probes"]
    assert write(job.output, "AutoModelForSeq2SeqLM", "4 2") == probes[0]["after"]


@pytest.mark.parametrize("packing", [False, True])
def test_a_model_learns_to_continue_texts(packing: bool, tmp_path: Path) -> None:
    job = a_language_job(tmp_path, "CausalLM", make_tiny_gpt2(tmp_path / "tiny"), make_facts(120))
    # A packed epoch has a third of the steps.
    job.with_spec(training={"packing": packing, "epochs": 9 if packing else 4})
    job.with_spec(evaluation={"probes": ["the cow says"]})

    report = run_well(job)

    before, after = compare(report, "perplexity")
    assert after < 5 < 100 < before
    assert compare(report, "tokenAccuracy")[1] > 0.5
    assert report.maximum_steps is not None
    assert (report.maximum_steps < 60) if packing else (report.maximum_steps == 4 * 12)
    written = write(job.output, "AutoModelForCausalLM", "the cow says")
    assert written.split()[0] in SOUNDS
    probes = json.loads((job.output / "probes.json").read_text())["probes"]
    assert probes[0]["after"].startswith(written)


def test_what_is_saved_of_a_causal_model_is_ready_to_write(tmp_path: Path) -> None:
    from transformers import AutoConfig, GenerationConfig

    model = make_tiny_llama(tmp_path / "tiny")
    # As many models come: a temperature, but no do_sample.
    write_model(model, {"temperature": 0.6, "top_p": 0.9}, "generation_config.json")
    job = a_language_job(tmp_path, "CausalLM", model, make_facts(40))
    job.with_spec(training={"epochs": 1})

    run_well(job)

    assert AutoConfig.from_pretrained(job.output).use_cache is True
    saved = GenerationConfig.from_pretrained(job.output)
    saved.validate(strict=True)
    assert (saved.temperature, saved.do_sample) == (0.6, True)


@pytest.mark.parametrize(
    ("form", "template"),
    [
        pytest.param("messages", True, id="chats, by the model's own template"),
        pytest.param("pairs", False, id="prompts and completions, for a base model"),
    ],
)
def test_a_model_learns_to_answer(form: str, template: bool, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    model = make_tiny_llama(tmp_path / "tiny", **({} if template else {"chat_template": None}))
    rows = make_chats(160)
    job = a_language_job(tmp_path, "InstructionTuning", model, rows)
    if form == "pairs":
        job.with_train_rows([as_pair(row) for row in rows], "pairs.jsonl")
        job.with_spec(dataset={"columns": {"prompt": "question", "completion": "answer"}})
    job.with_spec(training={"packing": True, "epochs": 16, "batchSize": 4, "learningRate": 0.003})
    job.with_spec(evaluation={"probes": ["what says the pig number 999?"]})

    report = run_well(job)

    before, after = compare(report, "perplexity")
    assert after < 1.5 < 100 < before
    assert compare(report, "tokenAccuracy")[1] > 0.9
    probes = json.loads((job.output / "probes.json").read_text())["probes"]
    assert probes[0]["after"] == "oink"
    tokenizer = AutoTokenizer.from_pretrained(job.output)
    asked = [{"role": "user", "content": "what says the cat number 7?"}]
    prompt = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    written = write(job.output, "AutoModelForCausalLM", prompt, add_special_tokens=False)
    assert written == "meow"
    assert report.resolved is not None
    is_warned = any("no chat template" in warning for warning in report.resolved.warnings)
    assert is_warned is not template


def as_pair(chat: Row) -> Row:
    question, answer = (message["content"] for message in chat["messages"])
    return {"question": question, "answer": answer}


def test_a_domain_is_read_before_its_texts_are_sorted(tmp_path: Path, tiny_bert: Path) -> None:
    """The second job starts from what the first one made."""
    reading = a_language_job(tmp_path / "a", "MaskedLM", tiny_bert, make_reviews(160))
    reading.with_spec(training={"epochs": 6, "learningRate": 0.003})
    reading.with_spec(evaluation={"probes": ["the [MASK] is good"]})
    report = run_well(reading)
    sorting = a_trainer_job(tmp_path / "b", reading.output, rows=240)
    sorting.with_spec(training={"epochs": 6, "learningRate": 0.001})

    sorted_report = run_well(sorting)

    # The head is new, and no guess in words could be compared with one in tokens.
    before, after = compare(report, "perplexity")
    assert after < 40 < 100 < before
    probes = json.loads((reading.output / "probes.json").read_text())["probes"]
    assert probes[0]["after"].startswith("the")
    assert compare(sorted_report, "accuracy")[1] > 0.9
    assert sorted_report.resolved is not None
    assert report.resolved is not None
    assert sorted_report.resolved.model_revision != report.resolved.model_revision


def test_a_model_that_was_made_to_guess_words_is_its_own_baseline(tmp_path: Path) -> None:
    job = a_language_job(tmp_path, "MaskedLM", make_tiny_roberta(tmp_path / "tiny"), make_facts(80))
    job.with_spec(training={"maskingProbability": 0.3})

    report = run_well(job)

    assert compare(report, "perplexity")[1] < compare(report, "perplexity")[0] / 3
    assert compare(report, "tokenAccuracy")[1] > compare(report, "tokenAccuracy")[0]


@pytest.mark.parametrize(
    ("task", "make", "training"),
    [
        pytest.param("MaskedLM", make_tiny_roberta, {}, id="masks"),
        pytest.param("CausalLM", make_tiny_gpt2, {"packing": True}, id="packs"),
    ],
)
def test_a_run_that_is_interrupted_sees_what_it_would_have_seen(
    task: str, make: Any, training: dict[str, Any], tmp_path: Path
) -> None:
    job = a_language_job(tmp_path, task, make(tmp_path / "tiny"), make_facts(60))
    job.with_spec(training={"epochs": 2, "batchSize": 4, **training})
    job.with_spec(earlyStopping={"enabled": False})
    run_well(job)
    expected = (job.output / "model.safetensors").read_bytes()
    shutil.rmtree(job.output)
    shutil.rmtree(job.checkpoints)

    interrupted = run(job, PreemptAtCheck(CHECKS_BEFORE_TRAINING + 10))
    run_well(job.with_attempt(2))

    assert interrupted.exit_code == ExitCode.PREEMPTED
    assert interrupted.report is not None
    assert interrupted.report.step not in (None, 0)
    assert (job.output / "model.safetensors").read_bytes() == expected


LONG = "moo " * 60


@pytest.mark.parametrize(
    ("task", "row", "message"),
    [
        pytest.param("Seq2Seq", {"source": "1"}, "no text", id="a row without a target"),
        pytest.param(
            "Seq2Seq", {"source": "1", "target": " "}, "an empty text", id="an empty target"
        ),
        pytest.param(
            "Seq2Seq", {"source": 1, "target": "one"}, "a int where the text", id="a number"
        ),
        pytest.param("CausalLM", {"text": ""}, "an empty text", id="an empty text"),
        pytest.param(
            "CausalLM", {"text": ["a", "b"]}, "a list where the text", id="a list of texts"
        ),
        pytest.param("MaskedLM", {"text": None}, "no text", id="no text"),
        pytest.param(
            "MaskedLM", {"text": "<mask>"}, "without a word to hide", id="nothing to hide"
        ),
        pytest.param("InstructionTuning", {"messages": []}, "without messages", id="an empty chat"),
        pytest.param(
            "InstructionTuning",
            {"messages": "Hello"},
            "a str where the chat belongs",
            id="a text where the chat belongs",
        ),
        pytest.param(
            "InstructionTuning",
            {"messages": [{"role": "user", "content": "Hi"}]},
            "without an answer to learn from",
            id="a chat without an answer",
        ),
        pytest.param(
            "InstructionTuning",
            {"messages": [{"role": "bot", "content": "Hi"}]},
            "bot is assistant here",
            id="a foreign role",
        ),
        pytest.param(
            "InstructionTuning",
            {"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": "a"}]},
            "message 1 (user) without content",
            id="an empty message",
        ),
        pytest.param(
            "InstructionTuning",
            {
                "messages": [
                    {"role": "user", "content": LONG},
                    {"role": "assistant", "content": "a"},
                ]
            },
            "no token of an answer within the first 48 tokens",
            id="an answer behind the last token",
        ),
        pytest.param(
            "InstructionTuning",
            {
                "messages": [{"role": "user", "content": "a"}] * 2
                + [{"role": "assistant", "content": "a"}]
            },
            "roles must take turns",
            id="turns that the template refuses",
        ),
    ],
)
def test_rows_that_cannot_be_learned_from_are_refused(
    task: str, row: Row, message: str, tmp_path: Path
) -> None:
    makers = {"Seq2Seq": make_tiny_t5, "MaskedLM": make_tiny_roberta}
    good = {"Seq2Seq": make_sums, "InstructionTuning": make_chats}.get(task, make_facts)(20)
    model = makers.get(task, make_tiny_llama)(tmp_path / "tiny")
    job = a_language_job(tmp_path, task, model, [*good[:5], row, *good[5:]])
    # All rows to learn from, so that the bad one is where it is looked for.
    write_jsonl(job.claim / "validation.jsonl", good)
    job.with_spec(dataset={"validation": {"source": "pvc://data/validation.jsonl"}})

    outcome = run(job)

    assert outcome.exit_code == ExitCode.BAD_DATA
    assert "row 6 of train.jsonl" in outcome.message
    assert message in outcome.message


@pytest.mark.parametrize(
    ("task", "make", "changes", "message"),
    [
        pytest.param("Seq2Seq", make_tiny_gpt2, {}, "cannot do Seq2Seq", id="a decoder alone"),
        pytest.param("MaskedLM", make_tiny_gpt2, {}, "cannot do MaskedLM", id="no encoder"),
        pytest.param(
            "Seq2Seq",
            make_tiny_t5,
            {"decoder_start_token_id": None},
            "names no decoder_start_token_id",
            id="nothing to begin with",
        ),
    ],
)
def test_models_that_cannot_do_a_task_are_refused(
    task: str, make: Any, changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    model = write_model(make(tmp_path / "tiny"), changes)
    rows = make_sums(20) if task == "Seq2Seq" else make_facts(20)

    outcome = run(a_language_job(tmp_path, task, model, rows))

    assert outcome.exit_code == ExitCode.BAD_CONFIG
    assert message in outcome.message
