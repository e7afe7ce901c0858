"""What is allowed but unwise about the data: ordered pure rules, one sentence each.

`loading` asks them all; what they say is shown in status.resolved.warnings and in the model card.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from finetune_trainer.data.replay import count_replayed
from finetune_trainer.data.tables import Part

SMALL_EVALUATION_ROWS = 50
MAJORITY_SHARE = 0.9
FEW_ROWS_PER_LABEL = 8
JUDGED_PARTS = ("validation", "test")


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What the rules look at.

    Attributes:
        parts: the parts by name; with cross-validation there is none for validation.
        keys: for each part the hashes of what identifies its rows.
        label_role: the column of the labels; None where the task has none.
        same_source: whether validation and test name the same rows.
        replay_ratio: the share of general rows in an epoch; None where there are none.
    """

    parts: dict[str, Part]
    keys: dict[str, list[int]]
    label_role: str | None
    same_source: bool = False
    replay_ratio: float | None = None

    def count_labels(self) -> Counter[str]:
        """Count the labels of the training part."""
        return (
            Counter(self.parts["train"].column(self.label_role)) if self.label_role else Counter()
        )


Lint = Callable[[DataFacts], str | None]


def warn_of_leaks_into_validation(facts: DataFacts) -> str | None:
    """Early stopping and the best model would be chosen by rows that were learned."""
    return _warn_of_leak(facts, "train", "validation")


def warn_of_leaks_into_test(facts: DataFacts) -> str | None:
    """The verdict would be too good."""
    return _warn_of_leak(facts, "train", "test")


def warn_of_leaks_from_replay(facts: DataFacts) -> str | None:
    """General rows that judge the model must not be learned either."""
    found = [_warn_of_leak(facts, "replay", name) for name in ("validation", "test")]
    return "; ".join(warning for warning in found if warning) or None


def warn_of_selection_on_test(facts: DataFacts) -> str | None:
    """A model that is chosen by the test rows is no longer tested by them."""
    if facts.same_source:
        return (
            "dataset.validation and dataset.test are the same rows: the best model is chosen by the"
            " rows that judge it, so the test metrics are too good"
        )
    return _warn_of_leak(facts, "validation", "test")


def warn_of_duplicates(facts: DataFacts) -> str | None:
    """Equal rows weigh more than the others."""
    keys = facts.keys["train"]
    surplus = len(keys) - len(set(keys))
    if not surplus:
        return None
    return f"{surplus} of {len(keys)} training rows repeat an earlier one"


def warn_of_contradictions(facts: DataFacts) -> str | None:
    """The same input with two labels cannot be learned."""
    if facts.label_role is None:
        return None
    labels: dict[int, set[str]] = {}
    train = facts.parts["train"]
    for key, label in zip(facts.keys["train"], train.column(facts.label_role), strict=True):
        labels.setdefault(key, set()).add(label)
    torn = sum(len(found) > 1 for found in labels.values())
    return f"{torn} training texts appear with different labels" if torn else None


def warn_of_a_majority(facts: DataFacts) -> str | None:
    """Accuracy says little when one label is nearly all there is."""
    counts = facts.count_labels()
    if not counts:
        return None
    label, count = counts.most_common(1)[0]
    share = count / counts.total()
    if share <= MAJORITY_SHARE:
        return None
    return (
        f"{share:.0%} of the training rows have the label {label!r}: accuracy says little,"
        " follow f1 or mcc"
    )


def warn_of_rare_labels(facts: DataFacts) -> str | None:
    """A handful of rows teaches little and measures nothing."""
    counts = facts.count_labels()
    rare = sorted(label for label, count in counts.items() if count < FEW_ROWS_PER_LABEL)
    if not rare:
        return None
    return f"{len(rare)} labels have fewer than {FEW_ROWS_PER_LABEL} training rows: {_list(rare)}"


def warn_of_unmeasured_labels(facts: DataFacts) -> str | None:
    """A label without validation rows can get worse unseen."""
    if facts.label_role is None or "validation" not in facts.parts:
        return None
    measured = set(facts.parts["validation"].column(facts.label_role))
    missing = sorted(set(facts.count_labels()) - measured)
    if not missing:
        return None
    return f"{len(missing)} labels have no validation row: {_list(missing)}"


def warn_of_small_parts(facts: DataFacts) -> str | None:
    """With 50 rows an accuracy is known to about 14 points at best."""
    small = [
        f"{name} has {len(part)} rows"
        for name, part in facts.parts.items()
        if name in JUDGED_PARTS and len(part) < SMALL_EVALUATION_ROWS
    ]
    return f"{' and '.join(small)}: differences of several points are chance" if small else None


def warn_of_repeated_general_rows(facts: DataFacts) -> str | None:
    """A few general rows, seen again and again, keep nothing alive but themselves."""
    if facts.replay_ratio is None:
        return None
    available = len(facts.parts["replay"])
    wanted = count_replayed(len(facts.parts["train"]), facts.replay_ratio)
    if wanted <= available:
        return None
    return (
        f"dataset.replay has {available} rows, of which an epoch takes {wanted}: add general rows,"
        " or lower dataset.replay.ratio"
    )


DATA_LINTS: tuple[Lint, ...] = (
    warn_of_selection_on_test,
    warn_of_leaks_into_test,
    warn_of_leaks_into_validation,
    warn_of_leaks_from_replay,
    warn_of_repeated_general_rows,
    warn_of_small_parts,
    warn_of_a_majority,
    warn_of_contradictions,
    warn_of_duplicates,
    warn_of_rare_labels,
    warn_of_unmeasured_labels,
)


def find_data_warnings(facts: DataFacts) -> list[str]:
    """Ask every rule."""
    return [warning for lint in DATA_LINTS if (warning := lint(facts)) is not None]


def _warn_of_leak(facts: DataFacts, source: str, target: str) -> str | None:
    if not {source, target} <= set(facts.keys) or facts.same_source:
        return None
    known = set(facts.keys[source])
    shared = sum(key in known for key in facts.keys[target])
    if not shared:
        return None
    return f"{shared} of {len(facts.keys[target])} {target} rows are also in {source}"


def _list(names: list[str], limit: int = 5) -> str:
    more = "" if len(names) <= limit else ", …"
    return ", ".join(names[:limit]) + more
