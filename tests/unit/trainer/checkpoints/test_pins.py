from pathlib import Path

import pytest

from finetune_trainer.checkpoints.pins import Pins, hold_to_pins, read_pins, write_pins
from finetune_trainer.errors import DataError


def test_the_first_attempt_is_held_to_nothing(tmp_path: Path) -> None:
    assert read_pins(tmp_path / "not-there") == Pins()
    hold_to_pins(Pins(), "anything")


def test_a_later_attempt_reads_what_the_first_one_used(tmp_path: Path) -> None:
    pins = Pins("a" * 40, "print", {"org/data": "b" * 40})

    write_pins(tmp_path, pins)

    assert read_pins(tmp_path) == pins


def test_pins_that_cannot_be_read_hold_nobody(tmp_path: Path) -> None:
    (tmp_path / "pins.json").write_text("{oops")

    assert read_pins(tmp_path) == Pins()


@pytest.mark.parametrize(
    ("revision", "commit"),
    [("a" * 40, "a" * 40), ("sha256:123", None), (None, None)],
)
def test_only_a_commit_is_asked_of_a_hub(revision: str | None, commit: str | None) -> None:
    assert Pins(model_revision=revision).model_commit == commit


def test_data_that_changed_between_two_attempts_is_refused() -> None:
    with pytest.raises(DataError, match="the data changed since the first attempt") as caught:
        hold_to_pins(Pins(data_fingerprint="old"), "new")

    assert "new name" in (caught.value.hint or "")
