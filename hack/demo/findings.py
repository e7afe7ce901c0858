"""What the demo must be able to show at its end; whatever is missing ends it with an error.

Called by `demo` with the finished FineTuneJob and the metrics page of the operator. Pure: it turns
facts into lines, so that tests can take single facts away.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from finetune_api.v1alpha1 import FineTuneJobStatus

MINIMUM_ACCURACY = 0.78
WANTED_SERIES = (
    "finetune_job_info",
    "finetune_job_status_condition",
    "finetune_job_step",
    "finetune_job_train_loss",
    "finetune_job_eval_loss",
    "finetune_job_early_stop_timestamp_seconds",
)


class DemoError(Exception):
    """Something that the demo promises to show is not there."""


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Accuracy on the test rows, before and after."""

    baseline: float
    final: float


def read_status(job: dict[str, Any]) -> FineTuneJobStatus:
    """Read the status, which must tell of a success that stopped early.

    Raises:
        DemoError: the job failed, or did not stop early.
    """
    status = FineTuneJobStatus.model_validate(job.get("status", {}))
    conditions = {condition.type: condition for condition in status.conditions}
    if status.failure is not None:
        hint = f" ({status.failure.hint})" if status.failure.hint else ""
        raise DemoError(f"the job failed: {status.failure.reason}: {status.failure.message}{hint}")
    for wanted in ("Complete", "EarlyStopped", "Finished"):
        if wanted not in conditions or conditions[wanted].status != "True":
            raise DemoError(f"the condition {wanted} is not true, the state is {status.state}")
    return status


def compare_accuracy(status: FineTuneJobStatus) -> Accuracy:
    """Give the accuracy on the test rows of the untouched and of the fine-tuned model.

    Raises:
        DemoError: one is missing, or the model is not good enough.
    """
    metrics = status.metrics
    if metrics is None or metrics.test is None or metrics.test_baseline is None:
        raise DemoError("status.metrics has no test or no testBaseline")
    before = {metric.name: metric.value for metric in metrics.test_baseline}
    after = {metric.name: metric.value for metric in metrics.test}
    found = Accuracy(before["accuracy"], after["accuracy"])
    if found.final < MINIMUM_ACCURACY:
        raise DemoError(f"test accuracy is {found.final:.3f}, wanted is {MINIMUM_ACCURACY}")
    return found


def explain_the_stop(status: FineTuneJobStatus) -> str:
    """Say in words why training ended.

    Raises:
        DemoError: the status does not tell.
    """
    stopping = status.early_stopping
    if stopping is None or not stopping.stopped or stopping.best is None:
        raise DemoError("status.earlyStopping does not tell why training stopped")
    return (
        f"{stopping.reason} at step {stopping.stopped_step}: {stopping.metric} was best with "
        f"{stopping.best:.4f} at step {stopping.best_step}; {stopping.steps_saved} steps saved"
    )


def find_series(page: Iterable[str], name: str) -> list[str]:
    """Give the Prometheus series of one job.

    Raises:
        DemoError: a series that dashboards need is missing.
    """
    series = [line for line in page if f'name="{name}"' in line and not line.startswith("#")]
    missing = [want for want in WANTED_SERIES if not any(s.startswith(want) for s in series)]
    if missing:
        raise DemoError(f"the operator's metrics lack {', '.join(missing)}")
    return series
