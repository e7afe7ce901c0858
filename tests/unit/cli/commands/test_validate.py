from pathlib import Path

from typer.testing import CliRunner

from cli_builders import write_job_file
from kubectl_finetune.app import app


def test_a_valid_job_ends_with_zero(tmp_path: Path) -> None:
    file = write_job_file(tmp_path / "job.yaml")

    result = CliRunner().invoke(app, ["validate", "-f", str(file)])

    assert result.exit_code == 0
    assert result.stdout == f"{file}: FineTuneJob reviews is valid\n"


def test_an_invalid_job_ends_with_64_and_says_why_on_standard_error(tmp_path: Path) -> None:
    file = write_job_file(tmp_path / "job.yaml", {"spec.training": {"epochs": 0}})

    result = CliRunner().invoke(app, ["validate", "-f", str(file)])

    assert result.exit_code == 64
    assert "spec.training.epochs" in result.stderr
    assert result.stdout == ""


def test_a_job_is_read_from_standard_input(tmp_path: Path) -> None:
    text = write_job_file(tmp_path / "job.yaml").read_text()

    result = CliRunner().invoke(app, ["validate", "-f", "-"], input=text)

    assert result.stdout == "-: FineTuneJob reviews is valid\n"
