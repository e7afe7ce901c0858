"""Data made to do harm: nothing of it is run, nothing foreign is read, and each ends for good."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest

from finetune_api.contract.exit_codes import ExitCode
from malices import BAD_DATA, FINAL_CODES, Canary, Malice, make_image_bomb, make_text_bomb
from media_jobs import a_media_job
from source_kinds import SourceKind, Sources
from trainer_jobs import make_reviews, write_csv, write_jsonl
from trainer_media import COLORS, draw_patch
from trainer_runs import run


def list_malices() -> Iterator[object]:
    for name, malice in BAD_DATA.items():
        for kind in malice.kinds:
            yield pytest.param(malice, kind, id=f"{name}, {kind}")


@pytest.mark.parametrize(("malice", "kind"), list(list_malices()))
def test_nothing_of_malicious_data_is_run(
    sources: Sources, canary: Canary, malice: Malice, kind: SourceKind
) -> None:
    folder = sources.make_folder(kind, "reviews")
    malice.spoil(folder, canary)
    uri = sources.serve(kind, folder, "datasets")
    sources.job.with_spec(dataset={"train": {"source": uri}})

    outcome = run(sources.job)

    assert outcome.exit_code in malice.codes, outcome.message
    assert "dataset.train" in outcome.message
    assert malice.says in outcome.message
    assert outcome.hint
    assert canary.is_untouched()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("../../../../escaped.csv", id="up and out"),
        pytest.param("/tmp/escaped.csv", id="from the root"),
        pytest.param("data/../../escaped.csv", id="up again"),
    ],
)
@pytest.mark.parametrize("what", ["models", "datasets"])
def test_a_hub_cannot_name_files_outside_of_the_cache(
    sources: Sources, tiny_bert: Path, name: str, what: Literal["models", "datasets"]
) -> None:
    folder = sources.make_folder("hf", "listed")
    write_csv(folder / "train.csv", make_reviews(20))
    if what == "models":
        shutil.copytree(tiny_bert, folder, dirs_exist_ok=True)
    uri = sources.serve("hf", folder, what)
    repository = getattr(sources.hub, what)[uri.removeprefix("hf://")]
    repository.strange_files[name] = b"text,label\nescaped,a\nescaped,b\n"
    sources.job.with_spec(training={"epochs": 1})
    if what == "models":
        sources.job.with_spec(model={"source": uri})
    else:
        sources.job.with_spec(dataset={"train": {"source": uri}})

    outcome = run(sources.job)

    assert outcome.exit_code in FINAL_CODES | {ExitCode.DONE}, outcome.message
    assert list(sources.job.folder.parent.rglob("escaped.csv")) == []
    assert not Path("/tmp/escaped.csv").exists()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(make_image_bomb, "pixels", id="billions of pixels"),
        pytest.param(make_text_bomb, "cannot be read", id="a comment of gigabytes"),
    ],
)
def test_an_image_that_unpacks_to_gigabytes_is_refused(
    tmp_path: Path, make: Callable[[Path], None], says: str
) -> None:
    job = a_media_job(tmp_path, "ImageClassification")
    draw_patch(COLORS["red"], seed=0).save(job.claim / "ok.png")
    make(job.claim / "bomb.png")
    rows = [{"image": "ok.png", "label": "red"}, {"image": "bomb.png", "label": "blue"}]
    write_jsonl(job.claim / "train.jsonl", rows)

    outcome = run(job)

    assert outcome.exit_code == ExitCode.BAD_DATA
    assert "row 2 of train.jsonl has the image 'bomb.png'" in outcome.message
    assert says in outcome.message


def test_a_cell_that_is_nested_without_end_is_a_bad_row(tmp_path: Path) -> None:
    job = a_media_job(tmp_path, "ObjectDetection")
    draw_patch(COLORS["red"], seed=0).save(job.claim / "ok.png")
    job.with_train_rows([{"image": "ok.png", "objects": "[" * 100_000}])

    outcome = run(job)

    assert outcome.exit_code == ExitCode.BAD_DATA
    assert "row 1 of train.csv has no objects" in outcome.message
