import json
from pathlib import Path
from typing import Any

import pytest

from finetune_trainer.errors import ConfigError
from finetune_trainer.models.references import check_settings

SOURCE = "pvc://data/base"


def check(folder: Path, name: str, settings: dict[str, Any]) -> None:
    (folder / name).write_text(json.dumps(settings))
    check_settings(folder, SOURCE, "model.source")


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        pytest.param(
            "tokenizer_config.json", {"vocab": "{file}"}, "sets vocab to a file", id="a vocabulary"
        ),
        pytest.param(
            "tokenizer_config.json", {"merges": "{file}"}, "sets merges to a file", id="merges"
        ),
        pytest.param(
            "tokenizer_config.json",
            {"init_inputs": [["{file}"]]},
            "sets init_inputs to a file",
            id="arguments without names",
        ),
        pytest.param(
            "config.json",
            {"model_args": {"checkpoint_path": "{file}"}},
            "sets checkpoint_path to a file",
            id="a checkpoint of timm",
        ),
        pytest.param(
            "config.json",
            {"architecture": "hf-hub:evil/model"},
            "names the architecture 'hf-hub:evil/model'",
            id="a repository",
        ),
        pytest.param(
            "config.json",
            {"architecture": "local-dir:/model"},
            "names the architecture 'local-dir:/model'",
            id="a folder",
        ),
    ],
)
def test_settings_cannot_name_what_lies_elsewhere(
    tmp_path: Path, name: str, settings: dict[str, Any], says: str
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("mine")
    text = json.dumps(settings).replace("{file}", str(secret))

    with pytest.raises(ConfigError, match=rf"model\.source {SOURCE}: {name} {says}"):
        check(tmp_path, name, json.loads(text))


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"_name_or_path": "{file}"}, id="where it was saved"),
        pytest.param({"vocab_file": "{file}", "tokenizer_file": "{file}"}, id="files of a past"),
        pytest.param({"architecture": "resnet50.a1_in1k"}, id="an architecture"),
        pytest.param({"auto_map": {"AutoModel": "code.Model"}}, id="code that is not run"),
        pytest.param({"vocab": "/not/there.txt"}, id="a path to nothing"),
        pytest.param({"chat_template": "{% for m in messages %}/{{ m }}." * 500}, id="a text"),
        pytest.param({"a": "/\0."}, id="a text that is no path"),
    ],
)
def test_settings_that_name_nothing_are_left_alone(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    there = tmp_path / "there.txt"
    there.write_text("x")
    text = json.dumps(settings).replace("{file}", str(there))

    check(tmp_path, "tokenizer_config.json", json.loads(text))


def test_settings_that_break_the_parser_are_refused(tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text("[" * 100_000)

    with pytest.raises(ConfigError, match=r"preprocessor_config\.json is no JSON"):
        check_settings(tmp_path, SOURCE, "model.source")
