from pathlib import Path
from typing import Any

import pytest

from cli_builders import build_job
from kubectl_finetune.errors import ManifestError, NotFoundError
from kubectl_finetune.local.config_maps import parse_config_maps, write_config_maps
from kubectl_finetune.local.layouts import Layout, lay_out

ON_A_CONFIG_MAP: dict[str, Any] = {
    "spec.dataset": {"train": {"source": "configmap://rows/train.csv"}}
}


def test_a_folder_stands_for_a_config_map_as_with_from_file(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "train.csv").write_bytes(b"text,label\n")

    assert parse_config_maps([f"rows={tmp_path}"]) == {"rows": {"train.csv": b"text,label\n"}}


def test_a_file_is_a_key(tmp_path: Path) -> None:
    file = tmp_path / "train.csv"
    file.write_bytes(b"text,label\n")

    assert parse_config_maps([f"rows={file}"]) == {"rows": {"train.csv": b"text,label\n"}}


@pytest.mark.parametrize(
    ("option", "error"),
    [("rows", ManifestError), ("rows=", ManifestError), ("rows=/not/there", NotFoundError)],
)
def test_what_is_no_config_map_is_refused(option: str, error: type[Exception]) -> None:
    with pytest.raises(error, match="--configmap"):
        parse_config_maps([option])


def test_a_later_run_sees_what_the_config_map_holds_now(tmp_path: Path) -> None:
    write_config_maps(tmp_path, {"rows": {"a.csv": b"1", "b.csv": b"2"}})

    write_config_maps(tmp_path, {"rows": {"a.csv": b"3"}})

    assert [p.name for p in (tmp_path / "rows").iterdir()] == ["a.csv"]
    assert (tmp_path / "rows" / "a.csv").read_bytes() == b"3"


def test_a_job_finds_the_key_as_a_file(tmp_path: Path) -> None:
    layout = Layout(tmp_path)

    lay_out(layout, build_job(ON_A_CONFIG_MAP), {}, {"rows": {"train.csv": b"text,label\n"}})

    assert (layout.config_maps / "rows" / "train.csv").is_file()


def test_a_config_map_that_nothing_stands_for_is_told_with_field_and_option(
    tmp_path: Path,
) -> None:
    with pytest.raises(
        NotFoundError, match=r"spec\.dataset\.train\.source is configmap://"
    ) as told:
        lay_out(Layout(tmp_path), build_job(ON_A_CONFIG_MAP), {})

    assert "--configmap rows=FOLDER" in (told.value.hint or "")


def test_a_missing_key_is_told_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no key 'train\.csv'; it has a\.csv, b\.csv"):
        lay_out(
            Layout(tmp_path), build_job(ON_A_CONFIG_MAP), {}, {"rows": {"b.csv": b"", "a.csv": b""}}
        )
