"""Groups of rows that must not be served much worse than others: spec.evaluation.slices.

Pure. `evaluation.materials` asks for the columns and looks at them before a model is loaded,
`training.examinations` measures each group of the judged rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from finetune_api.v1alpha1.dataset import Dataset, HeldOutData
from finetune_api.v1alpha1.evaluation import Slices
from finetune_api.v1alpha1.metrics import MetricName, is_greater_better
from finetune_api.v1alpha1.status import SliceGap
from finetune_trainer.data.columns import SLICE_PREFIX, Column
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.labels import format_label
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.tables import Part
from finetune_trainer.errors import DataError
from finetune_trainer.tasks.base import Scores

MAX_NAME_LENGTH = 128
MAX_GROUPS = 500
MANY_GROUPS = 20
NOTHING = "(none)"
"""The group of the rows that have no value."""


@dataclass(frozen=True, slots=True)
class Group:
    """The rows with one value.

    Attributes:
        value: the value, as text.
        rows: how many rows have it.
        scores: what was measured on them.
    """

    value: str
    rows: int
    scores: Scores


def ask_for_columns(needs: Needs, dataset: Dataset, slices: Slices | None) -> Needs:
    """Add the columns of the groups to what a job needs of the rows that will be judged."""
    if slices is None:
        return needs
    source = find_judged_source(dataset)
    added = [Column(name_role(n), Kind.ANY, name=n, source=source) for n in slices.columns]
    return replace(needs, columns=(*needs.columns, *added))


def find_judged_source(dataset: Dataset) -> str:
    """Name the source of the test rows, else of the validation rows."""
    judged: HeldOutData = dataset.test or dataset.validation
    field = "dataset.test" if dataset.test else "dataset.validation"
    return field if judged.source is not None else "dataset.train"


def name_role(column: str) -> str:
    """Name a column of groups so that no role of a task is called alike."""
    return f"{SLICE_PREFIX}{column}"


def group_rows(part: Part, column: str) -> dict[str, list[int]]:
    """Sort the positions of a part by the value of a column; the largest group first."""
    groups: dict[str, list[int]] = {}
    for position, value in enumerate(part.column(name_role(column))):
        groups.setdefault(_format(value), []).append(position)
    return dict(sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])))


def check_columns(part: Part, slices: Slices) -> list[str]:
    """Look at the groups of the rows that will be judged.

    Returns:
        warnings: columns whose groups are too small to be compared.

    Raises:
        DataError: a column makes no groups, or none that evaluation.slices.maximumGap could judge.
    """
    warnings = []
    for column in slices.columns:
        groups = group_rows(part, column)
        _refuse_what_makes_no_groups(part, column, groups)
        large = [name for name, found in groups.items() if len(found) >= slices.minimum_rows]
        if len(large) >= 2:
            continue
        problem = (
            f"evaluation.slices.columns: in the {part.name} rows only {len(large)} groups of"
            f" {column!r} have evaluation.slices.minimumRows, {slices.minimum_rows}, or more, so"
            " nothing can be compared"
        )
        fix = f"lower minimumRows, or add {part.name} rows of each group"
        if slices.maximum_gap is not None:
            raise DataError(f"{problem}, and maximumGap would let every model pass", hint=fix)
        warnings.append(f"{problem}: {fix}")
    return warnings


def _refuse_what_makes_no_groups(part: Part, column: str, groups: dict[str, list[int]]) -> None:
    hint = f"name another column in evaluation.slices.columns, or remove {column!r} from it"
    if len(groups) < 2:
        raise DataError(
            f"evaluation.slices.columns: every {part.name} row has the {column}"
            f" {next(iter(groups), NOTHING)!r}: one group alone cannot be compared",
            hint=hint,
        )
    nearly_one_each = len(groups) >= MANY_GROUPS and len(groups) > len(part) / 2
    if nearly_one_each or len(groups) > MAX_GROUPS:
        raise DataError(
            f"evaluation.slices.columns: column {column!r} holds {len(groups)} different values in"
            f" {len(part)} {part.name} rows; those are no groups",
            hint="make a column of few values, for example the range of an age instead of the age",
        )


def measure_groups(
    part: Part, column: str, measure: Callable[[Sequence[int]], Scores]
) -> list[Group]:
    """Measure each group of a column; the largest first."""
    return [
        Group(value, len(positions), measure(positions))
        for value, positions in group_rows(part, column).items()
    ]


def find_gap(
    column: str, groups: Sequence[Group], metric: MetricName, minimum_rows: int
) -> SliceGap | None:
    """Compare the groups that have enough rows; None where fewer than two have."""
    large = [g for g in groups if g.rows >= minimum_rows and metric in g.scores]
    if len(large) < 2:
        return None
    sign = 1 if is_greater_better(metric) else -1
    ranked = sorted(large, key=lambda group: sign * group.scores[metric])
    worst, best = ranked[0], ranked[-1]
    best_value, worst_value = best.scores[metric], worst.scores[metric]
    return SliceGap(
        column=column,
        metric=metric,
        best=best.value,
        best_value=round(best_value, 6),
        worst=worst.value,
        worst_value=round(worst_value, 6),
        gap=round(abs(best_value - worst_value), 6),
    )


def describe_groups(groups: dict[str, list[Group]], gaps: Sequence[SliceGap]) -> dict[str, Any]:
    """Give the content of slices.json: every group, and the gap of each column."""
    found = {gap.column: gap.to_json_dict() for gap in gaps}
    return {
        column: {
            "gap": found.get(column),
            "groups": [
                {
                    "value": group.value,
                    "n": group.rows,
                    "metrics": {name: round(value, 6) for name, value in group.scores.items()},
                }
                for group in measured
            ],
        }
        for column, measured in groups.items()
    }


def _format(value: Any) -> str:
    return (format_label(value) or NOTHING)[:MAX_NAME_LENGTH]
