"""Reads, checks and splits the data of a job; the whole of it happens before torch is imported.

`run` is the only caller. A data error found here costs a second, not a GPU.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from finetune_api.v1alpha1.dataset import Dataset
from finetune_trainer.data import checks, hashing, splits
from finetune_trainer.data.labels import sort_labels
from finetune_trainer.data.lints import DataFacts, find_data_warnings
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.opening import SourceReader
from finetune_trainer.data.tables import Part, Table
from finetune_trainer.errors import DataError
from finetune_trainer.settings import Settings

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Data:
    """The data of a job, ready to encode.

    Attributes:
        parts: train, validation and, if asked for, test.
        labels: in the order of the model's outputs; empty where the task has none.
        fingerprint: SHA-256 over all rows.
        revisions: the commit of each hub data set.
        warnings: what is unwise about the data.
    """

    parts: dict[str, Part]
    labels: tuple[str, ...]
    fingerprint: str
    revisions: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

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
    reader = SourceReader(dataset, needs, settings, dict(pins))
    tables = {
        name: _check(reader.read(source, f"dataset.{name}"), needs, f"dataset.{name}")
        for name, source in (
            ("train", dataset.train),
            ("validation", dataset.validation),
            ("test", dataset.test),
        )
        if source is not None and source.source is not None
    }
    labels = _settle_labels(dataset, needs, tables)
    keys = {name: _hash_rows(table, needs, f"split-{seed}") for name, table in tables.items()}
    parts = _split(dataset, needs, tables, keys, seed)
    facts = DataFacts(
        parts,
        {name: [keys[_table_of(name, tables)][i] for i in p.indices] for name, p in parts.items()},
        needs.strata_role,
        same_source=dataset.test is not None
        and dataset.test.source is not None
        and dataset.test == dataset.validation,
    )
    return Data(
        parts,
        labels,
        hashing.fingerprint_parts(parts.values()),
        reader.revisions,
        find_data_warnings(facts),
    )


def _check(table: Table, needs: Needs, field_name: str) -> Table:
    checks.check_values(table, needs.columns, field_name)
    if needs.check_row is not None:
        checks.check_rows(table, needs.check_row, field_name)
    return table


def _settle_labels(dataset: Dataset, needs: Needs, tables: dict[str, Table]) -> tuple[str, ...]:
    role = needs.label_role
    if role is None:
        return ()
    train = tables["train"]
    found = {label for value in train.columns[role] for label in needs.read_labels(value)}
    labels = tuple(dataset.labels) if dataset.labels else sort_labels(found)
    for name, table in tables.items():
        checks.check_labels(table, role, labels, needs.read_labels, f"dataset.{name}")
    column = getattr(dataset.columns, role) or role
    checks.check_label_count(sort_labels(found), len(train), role, column, "dataset.train")
    return labels


def _hash_rows(table: Table, needs: Needs, salt: str) -> list[int]:
    identity = [table.columns[role] for role in needs.identity]
    return [hashing.hash_row(values, salt) for values in zip(*identity, strict=True)]


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
        subset_keys = splits.Keys(_hash_rows(train, needs, f"limit-{seed}"), strata)
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
