"""Faults of single ranks: code that Python runs in every process of a trainer when it starts.

The ranks are processes of processes, out of reach of a test. `with_fault` puts a `sitecustomize`
on their path that changes one step of one rank.
"""

from trainer_jobs import TrainerJob

_FAULT = """
import os

if os.environ.get("RANK") in {ranks!r}:
    import transformers

    train_step = transformers.Trainer.training_step

    def change(trainer, *args, **options):
        loss = train_step(trainer, *args, **options)
        if trainer.state.global_step == {step}:
            {action}
        return loss

    transformers.Trainer.training_step = change
"""
DIVERGE = "loss = loss * float('nan')"
HANG = "import time; time.sleep(600)"
DIE = "import signal; os.kill(os.getpid(), signal.SIGKILL)"
# Steps take milliseconds here, and a signal takes its time through the pod's first process.
TELL_THE_POD_TO_STOP = "import signal, time; os.kill(os.getppid(), signal.SIGTERM); time.sleep(1)"
PRESS_CTRL_C = (
    "import signal, time; os.kill(os.getpid(), signal.SIGINT);"
    " os.kill(os.getppid(), signal.SIGINT); time.sleep(1)"
)


def with_fault(job: TrainerJob, action: str, *, step: int, ranks: tuple[int, ...] = (1,)) -> None:
    """Let something happen in the step after `step`.

    Args:
        job: the pod.
        action: a statement; it may change `loss`.
        step: how many steps are done.
        ranks: where.
    """
    folder = job.folder / "fault"
    folder.mkdir(exist_ok=True)
    code = _FAULT.format(ranks={str(rank) for rank in ranks}, step=step, action=action)
    (folder / "sitecustomize.py").write_text(code)
    job.variables["PYTHONPATH"] = str(folder)


def without_fault(job: TrainerJob) -> None:
    """Start the next attempt as it should be."""
    del job.variables["PYTHONPATH"]
