"""What a user reads after the installation, and whether it is true."""

from pathlib import Path

import pytest
import yaml

from chart_rendering import CHART, FULL_NAME, NAMESPACE, TWO_NAMESPACES, Values, render_notes
from finetune_api.v1alpha1 import parse_job


def find_pasted_manifest(notes: str) -> str:
    return notes.split("<<'EOF'\n")[1].split("\nEOF\n")[0]


def test_the_job_to_paste_is_valid(tmp_path: Path) -> None:
    notes = render_notes(tmp_path)

    job = parse_job(yaml.safe_load(find_pasted_manifest(notes)))

    assert f"ftj/{job.metadata.name}" in notes


def test_the_example_on_artifact_hub_is_the_one_in_the_notes(tmp_path: Path) -> None:
    annotations = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]

    (example,) = yaml.safe_load(annotations["artifacthub.io/crdsExamples"])

    assert example == yaml.safe_load(find_pasted_manifest(render_notes(tmp_path)))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        pytest.param({}, "FineTuneJobs in every namespace.", id="everywhere"),
        pytest.param(TWO_NAMESPACES, "FineTuneJobs in: team-a, team-b.", id="in two namespaces"),
        pytest.param({}, f"installed as {FULL_NAME} in {NAMESPACE}.", id="what and where"),
        pytest.param({}, "kubectl get ftj -w", id="how to watch"),
        pytest.param({"crds": {"keep": False}}, "deletes the definition", id="what may be lost"),
        pytest.param({"crds": {"enabled": False}}, "crds.enabled is false", id="what is missing"),
        pytest.param({"dashboards": {"enabled": True}}, 'folder "FineTuneJobs"', id="the board"),
    ],
)
def test_the_notes_say(tmp_path: Path, values: Values, sentence: str) -> None:
    assert sentence in render_notes(tmp_path, values)


def test_nobody_is_warned_without_a_reason(tmp_path: Path) -> None:
    notes = render_notes(tmp_path)

    assert "WARNING" not in notes
    assert "NOTE" not in notes
