from dataclasses import replace
from pathlib import Path

import pytest

from finetune_trainer.checkpoints.befores import FILE_NAME, Before, read_before, write_before
from finetune_trainer.checkpoints.identity import Identity

OURS = Identity("uid", "config", "data")
BEFORE = Before({"f1": 0.5}, "general", ["positive 0.9"], {"f1": 0.7})


def test_what_was_found_before_training_is_recalled(tmp_path: Path) -> None:
    write_before(tmp_path, OURS, BEFORE)

    assert read_before(tmp_path, OURS, "general") == BEFORE


@pytest.mark.parametrize(
    ("identity", "general"),
    [
        pytest.param(replace(OURS, job_uid="other"), "general", id="another job"),
        pytest.param(replace(OURS, config_hash="other"), "general", id="another configuration"),
        pytest.param(replace(OURS, data_fingerprint="other"), "general", id="other data"),
        pytest.param(OURS, "other", id="other general rows"),
    ],
)
def test_what_was_found_for_something_else_is_not(
    tmp_path: Path, identity: Identity, general: str
) -> None:
    write_before(tmp_path, OURS, BEFORE)

    assert read_before(tmp_path, identity, general) is None


@pytest.mark.parametrize("content", [None, b"{", b'{"job_uid": "uid"}'])
def test_a_broken_note_is_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / FILE_NAME).write_bytes(content)

    assert read_before(tmp_path, OURS, None) is None
