from pathlib import Path

from finetune_api.contract.exit_codes import ExitCode
from finetune_trainer import outcomes
from finetune_trainer.distribution.launching import read_outcomes
from finetune_trainer.errors import DivergedError, StalledError


def test_the_outcomes_of_the_ranks_are_read_by_rank(tmp_path: Path) -> None:
    for rank, error in {0: StalledError("lost"), 11: DivergedError("nan")}.items():
        outcome = outcomes.describe_failure(error, None)
        outcomes.write_outcome(outcome, tmp_path / f"outcome.{rank}")
    (tmp_path / "outcome.2").write_text("half of an outc")

    found = read_outcomes(tmp_path)

    assert {rank: outcome.exit_code for rank, outcome in found.items()} == {
        0: ExitCode.STALLED,
        11: ExitCode.DIVERGED,
    }
