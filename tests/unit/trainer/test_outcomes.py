from pathlib import Path

from finetune_api.contract.outcomes import MAX_BYTES, decode_outcome
from finetune_trainer import outcomes
from finetune_trainer.errors import DataError, TransientError
from finetune_trainer.reporting.board import Board


def test_a_failure_tells_code_reason_message_and_hint() -> None:
    outcome = outcomes.describe_failure(DataError("no column 'text'", hint="name it"), None)

    assert (outcome.exit_code, outcome.reason, outcome.succeeded) == (65, "BadData", False)
    assert (outcome.message, outcome.hint) == ("no column 'text'", "name it")


def test_a_failure_without_a_hint_gets_that_of_the_contract() -> None:
    outcome = outcomes.describe_failure(TransientError("503"), None)

    assert outcome.hint == "the hub or the network had a hiccup"


def test_the_outcome_makes_the_file_and_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "new" / "termination-log"

    outcomes.write_outcome(outcomes.describe_failure(DataError("x"), None), path)

    assert decode_outcome(path.read_text()) is not None
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_there_is_overwritten_in_place(tmp_path: Path) -> None:
    """In a pod the termination log is a mount of its own, which cannot be replaced."""
    path = tmp_path / "termination-log"
    path.write_text("x" * 9000)
    inode = path.stat().st_ino

    outcomes.write_outcome(outcomes.describe_failure(DataError("x"), None), path)

    assert path.stat().st_ino == inode
    assert decode_outcome(path.read_text()) is not None


def test_a_long_message_fits_into_what_a_kubelet_keeps(tmp_path: Path) -> None:
    path = tmp_path / "termination-log"
    board = Board("uid", 1)
    board.warn(*(f"warning {n} " + "y" * 400 for n in range(10)))

    outcome = outcomes.describe_failure(DataError("x" * 9000), board.snapshot())
    outcomes.write_outcome(outcome, path)

    assert path.stat().st_size <= MAX_BYTES
    assert decode_outcome(path.read_text()) is not None
