"""Models made to do harm: nothing of them is run, and each ends with a code that is not retried."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from finetune_api.contract.exit_codes import ExitCode
from malices import SPOILED_MODELS, Canary, Malice, change_json
from media_jobs import a_media_job, write_patches
from source_kinds import SourceKind, Sources
from trainer_runs import run


def list_malices() -> Iterator[object]:
    for name, malice in SPOILED_MODELS.items():
        for kind in malice.kinds:
            yield pytest.param(malice, kind, id=f"{name}, {kind}")


@pytest.mark.parametrize(("malice", "kind"), list(list_malices()))
def test_nothing_of_a_malicious_model_is_run(
    sources: Sources, tiny_bert: Path, canary: Canary, malice: Malice, kind: SourceKind
) -> None:
    folder = sources.make_folder(kind, "spoiled")
    shutil.copytree(tiny_bert, folder, dirs_exist_ok=True)
    malice.spoil(folder, canary)
    uri = sources.serve(kind, folder, "models")
    sources.job.with_spec(model={"source": uri}, training={"epochs": 1})

    outcome = run(sources.job)

    assert outcome.exit_code in malice.codes, outcome.message
    assert canary.is_untouched()
    if not outcome.succeeded:
        assert f"model.source {uri}" in outcome.message
        assert malice.says in outcome.message
        assert outcome.hint


def test_code_for_an_image_processor_is_not_run(
    tmp_path: Path, models: Callable[[str], Path], canary: Canary
) -> None:
    job = a_media_job(tmp_path / "pod", "ImageClassification")
    write_patches(job)
    folder = job.claim / "base"
    shutil.copytree(models("vit"), folder)
    (folder / "evil.py").write_text(f"{canary.code}\nclass Evil: pass\n")
    change_json(
        folder / "preprocessor_config.json",
        image_processor_type="Evil",
        auto_map={"AutoImageProcessor": "evil.Evil"},
    )

    outcome = run(job)

    assert outcome.exit_code == ExitCode.NOT_FOUND, outcome.message
    assert "model.source pvc://data/base has no image processor" in outcome.message
    assert canary.is_untouched()


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("{{ ''.__class__.__mro__[1].__subclasses__() }}", id="a way out of Python"),
        pytest.param("{{ messages.__init__.__globals__['os'].system('x') }}", id="a shell"),
        pytest.param("{{ 'a' * 10**12 }}", id="a text of a terabyte"),
        pytest.param("{% for i in range(10**12) %}{{ i }}{% endfor %}", id="a loop without end"),
        pytest.param("{{ 1 // 0 }}", id="a division by zero"),
        pytest.param("{% include '/proc/self/environ' %}", id="a file of the pod"),
    ],
)
def test_a_chat_template_cannot_leave_its_language(
    sources: Sources, tiny_gpt2: Path, canary: Canary, template: str
) -> None:
    folder = sources.make_folder("pvc", "spoiled")
    shutil.copytree(tiny_gpt2, folder, dirs_exist_ok=True)
    (folder / "chat_template.jinja").write_text(template)
    uri = sources.serve("pvc", folder, "models")
    answer = {"role": "assistant", "content": "good"}
    chats = [{"messages": [{"role": "user", "content": f"{n}?"}, answer]} for n in range(20)]
    sources.job.with_train_rows(chats, "train.jsonl")
    sources.job.with_spec(model={"source": uri}, task="InstructionTuning")

    outcome = run(sources.job)

    assert outcome.exit_code == ExitCode.BAD_DATA, outcome.message
    assert "the chat template refuses" in outcome.message
    assert canary.is_untouched()
