from pathlib import Path
from typing import Any

import pytest

from cli_builders import build_job
from kubectl_finetune.errors import ManifestError, NotFoundError
from kubectl_finetune.local.layouts import (
    Layout,
    choose_directory,
    forget_earlier_attempts,
    lay_out,
    parse_volumes,
    show_model,
)

ON_A_CLAIM: dict[str, Any] = {"spec.model": {"source": "pvc://team-data/minilm"}}


@pytest.mark.parametrize(
    ("file_name", "directory", "expected"),
    [
        pytest.param("examples/reviews.yaml", None, "examples/reviews", id="beside the file"),
        pytest.param("-", None, "reviews", id="here for standard input"),
        pytest.param("examples/reviews.yaml", Path("x"), "x", id="where the user says"),
    ],
)
def test_the_folder_is_named_after_the_job(
    file_name: str, directory: Path | None, expected: str
) -> None:
    assert choose_directory("reviews", file_name, directory) == Path(expected)


def test_the_jobs_own_claim_is_a_folder_below_volumes(tmp_path: Path) -> None:
    layout, job = Layout(tmp_path), build_job()

    lay_out(layout, job, {})

    assert layout.find_path(job.output_uri) == tmp_path / "volumes" / "reviews" / "model"
    assert layout.find_path(job.output_uri).parent.is_dir()


def test_a_volume_option_links_the_claim_to_the_folder(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "minilm").mkdir(parents=True)
    layout = Layout(tmp_path / "reviews")

    lay_out(layout, build_job(ON_A_CLAIM), {"team-data": data})

    assert layout.find_path("pvc://team-data/minilm").resolve() == data / "minilm"


def test_a_volume_stays_linked_for_the_next_run_and_can_be_changed(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    layout, job = Layout(tmp_path / "reviews"), build_job(ON_A_CLAIM)
    lay_out(layout, job, {"team-data": first})

    lay_out(layout, job, {})
    kept = layout.find_path("pvc://team-data").resolve()
    lay_out(layout, job, {"team-data": second})

    assert (kept, layout.find_path("pvc://team-data").resolve()) == (first, second)


def test_a_claim_without_a_folder_is_told_with_field_and_option(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"spec\.model\.source is pvc://team-data") as raised:
        lay_out(Layout(tmp_path), build_job(ON_A_CLAIM), {})

    assert raised.value.hint == "say which folder does: --volume team-data=FOLDER"


def test_a_volume_does_not_hide_what_an_earlier_run_wrote(tmp_path: Path) -> None:
    layout, job = Layout(tmp_path / "reviews"), build_job()
    lay_out(layout, job, {})

    with pytest.raises(ManifestError, match="an earlier run made the folder"):
        lay_out(layout, job, {"reviews": tmp_path})


def test_volume_options_are_read(tmp_path: Path) -> None:
    assert parse_volumes([f"team-data={tmp_path}"]) == {"team-data": tmp_path}


@pytest.mark.parametrize(
    ("option", "error", "message"),
    [
        pytest.param("team-data", ManifestError, "must read claim=folder", id="no folder"),
        pytest.param("=x", ManifestError, "must read claim=folder", id="no claim"),
        pytest.param("team-data=nowhere", NotFoundError, "no folder 'nowhere'", id="not there"),
    ],
)
def test_bad_volume_options_are_told(option: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse_volumes([option])


def test_the_model_gets_a_short_name(tmp_path: Path) -> None:
    layout, job = Layout(tmp_path), build_job()
    lay_out(layout, job, {})
    layout.find_path(job.output_uri).mkdir()

    link = show_model(layout, job.output_uri)

    assert link == tmp_path / "model"
    assert link.resolve() == layout.find_path(job.output_uri)


def test_a_file_called_model_is_not_touched(tmp_path: Path) -> None:
    layout, job = Layout(tmp_path), build_job()
    lay_out(layout, job, {})
    (tmp_path / "model").mkdir()

    assert show_model(layout, job.output_uri) == layout.find_path(job.output_uri)


def test_fresh_forgets_the_checkpoints_of_this_job_only(tmp_path: Path) -> None:
    layout, job = Layout(tmp_path), build_job()
    lay_out(layout, job, {})
    own = layout.find_path(job.checkpoints_uri)
    other = own.parent / "other-job"
    for folder in (own / "checkpoint-1", other):
        folder.mkdir(parents=True)
    layout.outcome_file.write_text("{}")

    forget_earlier_attempts(layout, job)

    assert not own.exists()
    assert not layout.outcome_file.exists()
    assert other.exists()
