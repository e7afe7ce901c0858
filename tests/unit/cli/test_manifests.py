from pathlib import Path

import pytest

from cli_builders import write_job_file
from kubectl_finetune.errors import ManifestError, NotFoundError
from kubectl_finetune.manifests import choose_job, read_manifests

JOB = """\
apiVersion: finetune.dev/v1alpha1
kind: FineTuneJob
metadata: {name: NAME}
spec:
  task: TextClassification
  model: {source: hf://a/b}
  dataset:
    train: {source: hf://c/d}
  training:
    learningRate: 2e-5
    epochs: EPOCHS
"""


def write_jobs(folder: Path, *names: str, epochs: str = "3.0", more: str = "") -> str:
    texts = [JOB.replace("NAME", name).replace("EPOCHS", epochs) for name in names]
    file = folder / "jobs.yaml"
    file.write_text("---\n".join([*texts, more] if more else texts))
    return str(file)


def test_numbers_reach_the_job_as_kubectl_sends_them(tmp_path: Path) -> None:
    job = read_manifests(write_jobs(tmp_path, "reviews")).jobs[0]

    assert (job.spec.training.learning_rate, job.spec.training.epochs) == (0.00002, 3)


def test_a_mistake_is_told_with_file_line_field_and_value(tmp_path: Path) -> None:
    file = write_jobs(tmp_path, "reviews", epochs="0")

    errors = read_manifests(file).errors

    assert len(errors) == 1
    assert errors[0].startswith(f"{file}:11: spec.training.epochs: ")
    assert errors[0].endswith("(got 0)")


def test_mistakes_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    file = write_job_file(
        tmp_path / "job.yaml",
        {"spec.trainig": {}, "spec.training": {"epochs": 0}, "spec.task": "Sentiment"},
    )

    errors = read_manifests(str(file)).errors

    lines = [int(error.split(":")[1]) for error in errors]
    assert len(lines) == 3
    assert lines == sorted(lines)


def test_other_kinds_are_ignored_with_a_note(tmp_path: Path) -> None:
    file = write_jobs(tmp_path, "reviews", more="kind: Service\n")

    manifests = read_manifests(file)

    assert [job.metadata.name for job in manifests.jobs] == ["reviews"]
    assert manifests.ignored == (f"{file}:13: Service ignored",)


def test_the_only_job_is_chosen_without_a_name(tmp_path: Path) -> None:
    file = write_jobs(tmp_path, "reviews")

    job = choose_job(read_manifests(file), name=None, file_name=file)

    assert job.metadata.name == "reviews"


def test_a_job_is_chosen_by_name_among_several(tmp_path: Path) -> None:
    file = write_jobs(tmp_path, "one", "two")

    assert choose_job(read_manifests(file), name="two", file_name=file).metadata.name == "two"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param(None, "holds 2 jobs: one, two", id="several and no name"),
        pytest.param("three", "no job 'three'; it has one, two", id="a name that is not there"),
    ],
)
def test_an_unclear_choice_is_refused(tmp_path: Path, name: str | None, message: str) -> None:
    file = write_jobs(tmp_path, "one", "two")

    with pytest.raises(ManifestError, match=message):
        choose_job(read_manifests(file), name=name, file_name=file)


def test_an_invalid_job_is_never_chosen(tmp_path: Path) -> None:
    file = write_jobs(tmp_path, "reviews", epochs="0")

    with pytest.raises(ManifestError, match=r"spec\.training\.epochs"):
        choose_job(read_manifests(file), name=None, file_name=file)


def test_a_file_without_a_job_says_what_it_holds(tmp_path: Path) -> None:
    file = tmp_path / "pod.yaml"
    file.write_text("kind: Pod\n---\n[1, 2]\n---\na: 1\n")

    with pytest.raises(ManifestError, match="it holds Pod, a document that is no object, a doc"):
        read_manifests(str(file))


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(NotFoundError, match=r"there is no file 'nowhere\.yaml'"):
        read_manifests("nowhere.yaml")


def test_a_config_map_beside_a_job_is_read(tmp_path: Path) -> None:
    file = write_job_file(tmp_path / "job.yaml")
    config_map = (
        "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: rows}\n"
        "data:\n  train.csv: |\n    text,label\nbinaryData: {a.bin: AAE=}\n"
    )
    file.write_text(file.read_text() + config_map)

    manifests = read_manifests(str(file))

    assert manifests.config_maps == {"rows": {"train.csv": b"text,label\n", "a.bin": b"\0\1"}}
    assert manifests.ignored == ()


def test_a_config_map_that_cannot_be_read_is_told_with_its_line(tmp_path: Path) -> None:
    file = write_job_file(tmp_path / "job.yaml")
    file.write_text(file.read_text() + "---\nkind: ConfigMap\ndata: {a: 1}\n")

    with pytest.raises(ManifestError, match=r"job\.yaml:\d+: this ConfigMap cannot be read"):
        read_manifests(str(file))
