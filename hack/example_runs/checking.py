"""What an example must show: it succeeded, and is better than its own baseline. Pure."""

from finetune_api.contract.outcomes import Outcome
from finetune_api.v1alpha1.metrics import is_greater_better
from finetune_api.v1alpha1.status import Metric, Metrics
from finetune_api.v1alpha1.tasks import TASK_TRAITS, TaskName


def find_problem(task: TaskName, outcome: Outcome) -> str | None:
    """Say what is wrong with a finished example; None when nothing is."""
    if not outcome.succeeded:
        return f"{outcome.reason}: {outcome.message}"
    before, after = find_scores(task, outcome)
    if before is None or after is None:
        return f"{TASK_TRAITS[task].main} was not measured before and after"
    is_better = after > before if is_greater_better(TASK_TRAITS[task].main) else after < before
    return None if is_better else f"{TASK_TRAITS[task].main} went from {before:.4f} to {after:.4f}"


def find_scores(task: TaskName, outcome: Outcome) -> tuple[float | None, float | None]:
    """Give the main metric before and after, on the test rows where there are some."""
    metrics = (outcome.report.metrics if outcome.report else None) or Metrics()
    pairs = ((metrics.test_baseline, metrics.test), (metrics.baseline, metrics.best))
    before, after = next((pair for pair in pairs if pair[1]), (None, None))
    main = TASK_TRAITS[task].main
    return _find(main, before), _find(main, after)


def _find(name: str, metrics: list[Metric] | None) -> float | None:
    return next((metric.value for metric in metrics or () if metric.name == name), None)
