from pathlib import Path

import pytest

from kubectl_finetune.manifests import read_manifests

EXAMPLES = sorted(Path(__file__).parents[3].joinpath("examples").glob("*.yaml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_every_example_is_a_valid_job(file: Path) -> None:
    manifests = read_manifests(str(file))

    assert manifests.errors == ()
    assert manifests.jobs


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_every_example_says_how_to_run_it(file: Path) -> None:
    head = file.read_text().split("apiVersion:")[0]

    assert f"kubectl finetune run -f examples/{file.name}" in head


def test_there_are_examples() -> None:
    assert EXAMPLES
