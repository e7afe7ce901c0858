"""Models made to do harm: nothing of them is run, and each ends with a code that is not retried."""

import io
import json
import pickle
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finetune_api.contract.exit_codes import MEANINGS, ExitCode
from finetune_trainer.__main__ import main
from finetune_trainer.preemption import Preemption
from trainer_jobs import TrainerJob

Spoil = Callable[[Path, Path], None]
"""Turns a good model into a bad one: the folder, and the file that no code may ever make."""
LENGTH_BYTES = 8


class Bomb:
    """Makes the canary when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self._canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._canary,)


def write_code(path: Path, canary: Path) -> None:
    path.write_text(f"import pathlib\npathlib.Path({str(canary)!r}).touch()\nclass Evil: pass\n")


def change_json(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def write_header(folder: Path, header: bytes, length: int | None = None) -> None:
    size = len(header) if length is None else length
    content = size.to_bytes(LENGTH_BYTES, "little") + header
    (folder / "model.safetensors").write_bytes(content)


def keep_only_pickles(folder: Path, canary: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Bomb(canary)))


def keep_only_a_torch_file(folder: Path, canary: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.pt").write_bytes(pickle.dumps(Bomb(canary)))


def pickle_the_tokenizer(folder: Path, canary: Path) -> None:
    (folder / "tokenizer.json").unlink()
    change_json(folder / "tokenizer_config.json", tokenizer_class="TransfoXLTokenizer")
    for name in ("vocab.pkl", "tokenizer.pkl", "vocab.bin"):
        (folder / name).write_bytes(pickle.dumps(Bomb(canary)))


def bring_code_for_the_model(folder: Path, canary: Path) -> None:
    write_code(folder / "evil.py", canary)
    classes = {"AutoConfig": "evil.Evil", "AutoModelForSequenceClassification": "evil.Evil"}
    change_json(folder / "config.json", model_type="evil", auto_map=classes)


def bring_code_for_the_tokenizer(folder: Path, canary: Path) -> None:
    write_code(folder / "evil.py", canary)
    (folder / "tokenizer.json").unlink()
    change_json(
        folder / "tokenizer_config.json",
        tokenizer_class="Evil",
        auto_map={"AutoTokenizer": ["evil.Evil", None]},
    )


def bring_code_beside_a_known_model(folder: Path, canary: Path) -> None:
    write_code(folder / "evil.py", canary)
    change_json(folder / "config.json", auto_map={"AutoModel": "evil.Evil"})
    (folder / "training_args.bin").write_bytes(pickle.dumps(Bomb(canary)))
    (folder / "optimizer.pt").write_bytes(pickle.dumps(Bomb(canary)))


def bring_an_adapter_with_pickles(folder: Path, canary: Path) -> None:
    adapter = {"peft_type": "LORA", "base_model_name_or_path": "/elsewhere", "r": 1}
    (folder / "adapter_config.json").write_text(json.dumps(adapter))
    (folder / "adapter_model.bin").write_bytes(pickle.dumps(Bomb(canary)))


def claim_a_huge_header(folder: Path, _: Path) -> None:
    write_header(folder, b"{}", length=2**62)


def nest_the_header(folder: Path, _: Path) -> None:
    write_header(folder, b'{"a":' * 100_000 + b"1" + b"}" * 100_000)


def claim_a_huge_tensor(folder: Path, _: Path) -> None:
    tensor = {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 8]}
    header = json.dumps({"embeddings.word_embeddings.weight": tensor}).encode()
    write_header(folder, header + b"\0" * 8, length=len(header))


def nest_the_config(folder: Path, _: Path) -> None:
    (folder / "config.json").write_text('{"a":' * 100_000 + "1" + "}" * 100_000)


def point_the_index_elsewhere(folder: Path, _: Path) -> None:
    shutil.copy(folder / "model.safetensors", folder.parent / "stolen.safetensors")
    index = {"weight_map": {"pooler.dense.bias": "../stolen.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def zip_it(folder: Path, canary: Path) -> None:
    empty(folder)
    with zipfile.ZipFile(folder / "model.zip", "w") as archive:
        archive.writestr(f"../../{canary.name}", "slipped out")
        archive.writestr("config.json", "{}")


def tar_it(folder: Path, canary: Path) -> None:
    empty(folder)
    with tarfile.open(folder / "model.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo(str(canary)), io.BytesIO())


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        pytest.param(keep_only_pickles, ExitCode.BAD_CONFIG, id="weights as a pickle"),
        pytest.param(keep_only_a_torch_file, ExitCode.BAD_CONFIG, id="weights as a torch file"),
        pytest.param(pickle_the_tokenizer, ExitCode.NOT_FOUND, id="a tokenizer as a pickle"),
        pytest.param(bring_code_for_the_model, ExitCode.BAD_CONFIG, id="code for the model"),
        pytest.param(bring_code_for_the_tokenizer, ExitCode.NOT_FOUND, id="code for the tokenizer"),
        pytest.param(
            bring_an_adapter_with_pickles, ExitCode.BAD_CONFIG, id="an adapter as a pickle"
        ),
        pytest.param(claim_a_huge_header, ExitCode.BAD_CONFIG, id="a header of four exabytes"),
        pytest.param(nest_the_header, ExitCode.BAD_CONFIG, id="a header nested without end"),
        pytest.param(claim_a_huge_tensor, ExitCode.BAD_CONFIG, id="a tensor of four terabytes"),
        pytest.param(nest_the_config, ExitCode.BAD_CONFIG, id="a configuration without end"),
        pytest.param(point_the_index_elsewhere, ExitCode.BAD_CONFIG, id="weights of a neighbour"),
        pytest.param(zip_it, ExitCode.NOT_FOUND, id="a zip that slips out"),
        pytest.param(tar_it, ExitCode.NOT_FOUND, id="a tar that slips out"),
        pytest.param(bring_code_beside_a_known_model, ExitCode.DONE, id="code that nobody needs"),
    ],
)
def test_nothing_of_a_malicious_model_is_run(
    job: TrainerJob, tiny_bert: Path, tmp_path: Path, spoil: Spoil, code: ExitCode
) -> None:
    canary = tmp_path / "canary"
    folder = job.claim / "spoiled"
    shutil.copytree(tiny_bert, folder)
    spoil(folder, canary)
    job.with_spec(model={"source": "pvc://data/spoiled"}, training={"epochs": 1})

    found = main(job.environment(), Preemption())

    outcome = job.read_outcome()
    assert (found, outcome.exit_code) == (code, code), outcome.message
    assert not MEANINGS[code].retried
    assert code == ExitCode.DONE or "pvc://data/spoiled" in outcome.message
    assert list(tmp_path.rglob("canary*")) == []
