"""Reads, checks and splits the data of a job; the whole of it happens before torch is imported.

`run` is the only caller. A data error found here costs a second, not a GPU.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from finetune_api.v1alpha1.dataset import Dataset, HeldOutData, TrainData
from finetune_trainer.data import checks, hashing, splits
from finetune_trainer.data.cleaning import Cleaned, describe_dropped
from finetune_trainer.data.labels import sort_labels
from finetune_trainer.data.lints import DataFacts, find_data_warnings
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.opening import SourceReader
from finetune_trainer.data.tables import Part, Table
from finetune_trainer.errors import DataError
from finetune_trainer.settings import Settings

PARTS = ("train", "validation", "test", "replay")


@dataclass(frozen=True, slots=True)
class Data:
    """The data of a job, ready to encode.

    Attributes:
        parts: train, validation and, if asked for, test and replay.
        labels: in the order of the model's outputs; empty where the task has none.
        fingerprint: SHA-256 over all rows.
        revisions: the commit of each hub data set.
        warnings: what is unwise about the data.
        keys: for each part the hashes of what identifies its rows.
        sources: what was read, by field of spec.dataset, and what was left out of it.
    """

    parts: dict[str, Part]
    labels: tuple[str, ...]
    fingerprint: str
    revisions: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    keys: dict[str, list[int]] = field(default_factory=dict)
    sources: dict[str, Cleaned] = field(default_factory=dict)

    def count_rows(self) -> dict[str, int]:
        """Count the rows of each part."""
        return {name: len(part) for name, part in self.parts.items()}


def load_data(
    dataset: Dataset, needs: Needs, seed: int, settings: Settings, pins: Mapping[str, str]
) -> Data:
    """Read, check, split and fingerprint.

    Args:
        dataset: spec.dataset.
        needs: what the task asks for.
        seed: decides the subset and the split.
        settings: where volumes are.
        pins: the commits of hub data sets that an earlier attempt used.

    Raises:
        TrainerError: a source is not there, or its rows do not fit.
    """
    opener = Opener(dataset, needs, settings, dict(pins))
    sources = {
        name: opener.open(source, f"dataset.{name}")
        for name, source in (
            ("train", dataset.train),
            ("validation", dataset.validation),
            ("test", dataset.test),
            ("replay", dataset.replay),
        )
        if source is not None and source.source is not None
    }
    labels = _settle_labels(dataset, needs, sources["train"].table)
    if needs.label_role is not None:
        sources = {n: _drop_unknown(s, needs, dataset, labels) for n, s in sources.items()}
    _check_label_count(dataset, needs, sources["train"].table)
    tables = {name: cleaned.table for name, cleaned in sources.items()}
    hashes = {name: _hash_rows(table, needs, f"split-{seed}") for name, table in tables.items()}
    parts = _split(dataset, needs, tables, hashes, seed)
    keys = {
        name: [hashes[_table_of(name, tables)][index] for index in part.indices]
        for name, part in parts.items()
    }
    facts = DataFacts(
        parts,
        keys,
        needs.strata_role,
        same_source=dataset.test is not None
        and dataset.test.source is not None
        and dataset.test == dataset.validation,
        replay_ratio=dataset.replay.ratio if dataset.replay else None,
    )
    dropped = [told for cleaned in sources.values() if (told := describe_dropped(cleaned))]
    return Data(
        parts,
        labels,
        hashing.fingerprint_parts(parts.values()),
        opener.revisions,
        [*dropped, *find_data_warnings(facts)],
        keys,
        sources,
    )


def load_general(
    dataset: Dataset, general: TrainData, needs: Needs, settings: Settings, data: Data
) -> tuple[Part, dict[str, str]]:
    """Read and check the general rows of evaluation.forgetting.

    Args:
        dataset: spec.dataset, for the names of the columns.
        general: spec.evaluation.forgetting.
        needs: what the task asks for.
        settings: where volumes are.
        data: the data of the job, whose labels and commits the general rows share.

    Returns:
        the rows, and the commits of all hub data sets.

    Raises:
        TrainerError: the source is not there, or its rows do not fit.
    """
    field_name = "evaluation.forgetting"
    opener = Opener(dataset, needs, settings, dict(data.revisions))
    cleaned = opener.open(general, field_name)
    if needs.label_role is not None:
        cleaned = _drop_unknown(cleaned, needs, dataset, data.labels)
    checks.refuse_no_rows(cleaned.table, field_name)
    return Part("general", cleaned.table, range(len(cleaned.table))), opener.revisions


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens and cleans sources, each by the columns that it must have.

    Attributes:
        dataset: spec.dataset.
        needs: what the task asks for.
        settings: where volumes are.
        revisions: the commits of hub data sets; what is resolved is added.
    """

    dataset: Dataset
    needs: Needs
    settings: Settings
    revisions: dict[str, str]

    def open(self, source: TrainData | HeldOutData, field_name: str) -> Cleaned:
        """Read a source, and leave out what cannot be learned from."""
        needs = self.needs.of_source(field_name)
        reader = SourceReader(self.dataset, needs, self.settings, self.revisions)
        return _clean(reader.read(source, field_name), needs, self.dataset, field_name)


def _clean(table: Table, needs: Needs, dataset: Dataset, field_name: str) -> Cleaned:
    checks.refuse_no_rows(table, field_name)
    check_row = needs.check_row
    cleaned = Cleaned(field_name, table, len(table)).clean(
        dataset.on_bad_row,
        checks.find_broken_rows,
        lambda rows: checks.find_bad_values(rows, needs.columns),
        lambda rows: checks.find_bad_rows(rows, check_row) if check_row else (),
    )
    checks.refuse_no_rows(cleaned.table, field_name)
    return cleaned


def _settle_labels(dataset: Dataset, needs: Needs, train: Table) -> tuple[str, ...]:
    if needs.label_role is None or dataset.labels:
        return tuple(dataset.labels or ())
    return sort_labels(_find_labels(needs, train))


def _find_labels(needs: Needs, table: Table) -> set[str]:
    values = table.columns[needs.label_role] if needs.label_role else ()
    return {label for value in values for label in needs.read_labels(value)}


def _check_label_count(dataset: Dataset, needs: Needs, train: Table) -> None:
    role = needs.label_role
    if role is not None:
        column = getattr(dataset.columns, role) or role
        found = sort_labels(_find_labels(needs, train))
        checks.check_label_count(
            found, len(train), role, column, "dataset.train", needs.minimum_labels
        )


def _drop_unknown(
    cleaned: Cleaned, needs: Needs, dataset: Dataset, labels: tuple[str, ...]
) -> Cleaned:
    role, read_labels = needs.label_role, needs.read_labels
    assert role is not None  # there are labels
    return cleaned.clean(
        dataset.on_bad_row,
        lambda rows: checks.find_unknown_labels(rows, role, labels, read_labels),
    )


def _hash_rows(table: Table, needs: Needs, salt: str) -> list[int]:
    identity = [table.columns[role] for role in needs.identity]
    return [hashing.hash_row(values, salt) for values in zip(*identity, strict=True)]


def _find_label_sets(table: Table, needs: Needs) -> list[Hashable]:
    """Give the labels of each row, so that a subset has them in the shares of the whole."""
    if needs.label_role is None:
        return [()] * len(table)
    return [tuple(sorted(set(needs.read_labels(v)))) for v in table.columns[needs.label_role]]


def _split(
    dataset: Dataset,
    needs: Needs,
    tables: dict[str, Table],
    keys: dict[str, list[int]],
    seed: int,
) -> dict[str, Part]:
    train = tables["train"]
    strata = train.columns[needs.strata_role] if needs.strata_role else [0] * len(train)
    rows = list(range(len(train)))
    if dataset.limit is not None:
        subset_keys = splits.Keys(
            _hash_rows(train, needs, f"limit-{seed}"), _find_label_sets(train, needs)
        )
        rows = splits.choose_subset(subset_keys, dataset.limit)
    # Test first: what it holds does not change when the share of validation does.
    fractions = {
        name: part.fraction
        for name, part in (("test", dataset.test), ("validation", dataset.validation))
        if part is not None and part.fraction is not None
    }
    held = splits.hold_out(splits.Keys(keys["train"], strata), rows, list(fractions.values()))
    indices: dict[str, Sequence[int]] = dict(zip([*fractions, "train"], held, strict=True))
    indices |= {n: range(len(t)) for n, t in tables.items() if n != "train"}
    parts: dict[str, Part] = {
        name: Part(name, tables[_table_of(name, tables)], indices[name])
        for name in PARTS
        if name in indices
    }
    for name, part in parts.items():
        if not len(part):
            raise DataError(
                f"the {name} part is empty: dataset.train has {len(rows)} rows, too few to hold"
                " some out of each label",
                hint="add rows, or name validation data of its own",
            )
    return parts


def _table_of(part: str, tables: dict[str, Table]) -> str:
    return part if part in tables else "train"
