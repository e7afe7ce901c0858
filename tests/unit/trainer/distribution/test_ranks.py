from pathlib import Path

from finetune_trainer.distribution.ranks import ALONE, SINGLE, Seat, read_seat
from finetune_trainer.settings import termination_log_of


def test_a_process_alone_agrees_with_itself() -> None:
    assert ALONE.lead(lambda: "done") == ALONE.take_turns(lambda: "done") == "done"
    assert (ALONE.agree(True), ALONE.agree(False)) == (True, False)
    assert ALONE.average(0.5) == 0.5
    assert ALONE.seat.is_leader


def test_torchrun_tells_each_process_its_place() -> None:
    variables = {"RANK": "5", "LOCAL_RANK": "1", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}

    assert read_seat(variables) == Seat(rank=5, local_rank=1, count=8, local_count=4)
    assert read_seat({"RANK": "5"}) == SINGLE


def test_each_rank_has_an_outcome_of_its_own() -> None:
    variables = {
        "RANK": "1",
        "LOCAL_RANK": "1",
        "WORLD_SIZE": "2",
        "LOCAL_WORLD_SIZE": "2",
        "FINETUNE_TERMINATION_LOG": "/scratch/ranks/outcome",
    }

    assert termination_log_of(variables) == Path("/scratch/ranks/outcome.1")
