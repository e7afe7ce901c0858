from pathlib import Path

import pytest

from generate.__main__ import ROOT, build_files

FILES = build_files()


@pytest.mark.parametrize("name", FILES)
def test_a_generated_file_is_in_step_with_the_models(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == FILES[name], "run `make generate`"


def test_the_reference_shows_rules_in_words() -> None:
    reference = Path(ROOT / "docs/reference/finetunejob.md").read_text(encoding="utf-8")

    assert "epochs is `epochs` and maxSteps is `maxSteps`: set only one of them" in reference
    assert ".format(" not in reference
