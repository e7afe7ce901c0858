"""Runs the trainer in this process, as its pod would: the whole of it, from job file to outcome."""

from finetune_api.contract.outcomes import Outcome
from finetune_trainer.__main__ import main
from finetune_trainer.preemption import Preemption
from trainer_jobs import TrainerJob


def run(job: TrainerJob, preemption: Preemption | None = None) -> Outcome:
    """Run a job to its end, whatever it is; its exit code and its outcome must agree."""
    code = main(job.environment(), preemption or Preemption())
    outcome = job.read_outcome()
    assert outcome.exit_code == code
    return outcome


def run_well(job: TrainerJob) -> Outcome:
    """Run a job that succeeds."""
    outcome = run(job)
    assert outcome.succeeded, outcome.message
    return outcome
