import json
from pathlib import Path

import pytest

from finetune_trainer.errors import ConfigError, NotFoundError
from finetune_trainer.models.weights import check_weights, choose_weight_files, find_problem


def write_safetensors(path: Path, payload: bytes = b"\0" * 8, end: int | None = None) -> Path:
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, end or len(payload)]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "weight": entry}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + payload)
    return path


def test_a_whole_file_is_no_problem(tmp_path: Path) -> None:
    assert find_problem(write_safetensors(tmp_path / "model.safetensors")) is None


def test_a_file_of_the_library_is_no_problem(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(3, 2), "b": torch.ones(1)}, tmp_path / "model.safetensors")

    assert find_problem(tmp_path / "model.safetensors") is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(b"", "it has 0 bytes, too few for its header", id="empty"),
        pytest.param(b"\xff" * 8 + b"{}", "too few for its header", id="absurd header"),
        pytest.param(
            (4).to_bytes(8, "little") + b"nope", "its header is no safetensors header", id="no JSON"
        ),
        pytest.param(
            (2).to_bytes(8, "little") + b"[]", "its header is no safetensors header", id="a list"
        ),
    ],
)
def test_a_broken_file_is_a_problem(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)

    assert problem in (find_problem(path) or "")


def test_a_truncated_file_is_refused_by_its_name_and_size(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "model.safetensors")
    whole = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-3])

    with pytest.raises(ConfigError, match=rf"{whole - 3} bytes, its header promises {whole}"):
        check_weights(tmp_path, "pvc://data/base")


def test_a_shard_that_the_index_names_must_be_there(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "model-1.safetensors")
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))

    with pytest.raises(ConfigError, match=r"model-2\.safetensors is broken: the index names it"):
        check_weights(tmp_path, "pvc://data/base")


def test_a_model_of_pickles_only_is_refused_with_the_way_out() -> None:
    with pytest.raises(ConfigError, match=r"only pytorch_model\.bin") as caught:
        choose_weight_files(["config.json", "pytorch_model.bin"], "hf://org/old")

    assert "save_pretrained" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["tf_model.h5", "flax_model.msgpack", "model.ckpt"])
def test_weights_of_other_libraries_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"no safetensors weights, only {name}"):
        choose_weight_files(["config.json", name], "hf://org/old")


def test_a_folder_without_weights_is_not_found() -> None:
    with pytest.raises(NotFoundError, match=r"it has README\.md, config\.json"):
        choose_weight_files(["config.json", "README.md"], "hf://org/empty")


def test_pickles_beside_safetensors_are_left_where_they_are() -> None:
    names = ["model.safetensors", "pytorch_model.bin", "onnx/model.safetensors"]

    assert choose_weight_files(names, "hf://org/both") == ["model.safetensors"]
