"""`kubectl finetune run` with a fake trainer: for tests that need a process of their own.

python cli_run.py SCENARIO JOB_FILE DIRECTORY
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from kubectl_finetune.commands.run import RunOptions, run_job

FAKE_TRAINER = Path(__file__).with_name("cli_fake_trainer.py")


def name_fake_trainer(scenario: str) -> Sequence[str]:
    """Give the command that plays a scenario."""
    return (sys.executable, str(FAKE_TRAINER), scenario)


def main() -> int:
    """Run the job."""
    scenario, job_file, directory = sys.argv[1:]
    return run_job(
        RunOptions(job_file, directory=Path(directory)),
        Console(),
        Console(stderr=True),
        trainer_command=name_fake_trainer(scenario),
    )


if __name__ == "__main__":
    sys.exit(main())
