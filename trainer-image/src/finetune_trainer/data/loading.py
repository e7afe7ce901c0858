"""Reads, checks and splits the data of a job; the whole of it happens before torch is imported.

`run` is the only caller. A data error found here costs a second, not a GPU.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from finetune_api.sources import parse_source
from finetune_api.v1alpha1.dataset import Dataset, HeldOutData, TrainData
from finetune_trainer.data import checks, hashing, hub, readers, splits
from finetune_trainer.data.columns import Column, Kind
from finetune_trainer.data.labels import format_label, sort_labels
from finetune_trainer.data.lints import DataFacts, find_data_warnings
from finetune_trainer.data.tables import Part, Table, join_tables
from finetune_trainer.errors import DataError, NotFoundError
from finetune_trainer.settings import Settings

DEFAULT_SPLITS = {"train": "train", "validation": "validation", "test": "test"}
Sourced = TrainData | HeldOutData


@dataclass(frozen=True, slots=True)
class Needs:
    """What a task needs of its data.

    Attributes:
        columns: the columns, each with its kind.
        identity: the roles that identify a row: equal there means the same row.
        label_role: the column to stratify by and to collect labels from; None where there is none.
    """

    columns: tuple[Column, ...]
    identity: tuple[str, ...]
    label_role: str | None = None


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
    reader = _SourceReader(dataset, needs, settings, dict(pins))
    tables = {
        name: reader.read(source, f"dataset.{name}")
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
        needs.label_role,
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


class _SourceReader:
    """Opens sources; remembers which commits of the hub it was given."""

    def __init__(
        self, dataset: Dataset, needs: Needs, settings: Settings, revisions: dict[str, str]
    ) -> None:
        self._columns = needs.columns
        self._wanted = {c.role: getattr(dataset.columns, c.role) for c in needs.columns}
        self._settings = settings
        self.revisions = revisions

    def read(self, part: Sourced, field_name: str) -> Table:
        source = parse_source(part.source or "")
        if source.scheme == "hf":
            table = self._read_hub(source.name, part, field_name)
        else:
            table = self._read_files(self._settings.locate(source), part, field_name)
        table = _format_labels(table, self._columns)
        checks.check_values(table, self._columns, field_name)
        return table

    def _read_hub(self, name: str, part: Sourced, field_name: str) -> Table:
        if name not in self.revisions:
            self.revisions[name] = hub.resolve_dataset_revision(name, field_name)
        split = part.split or DEFAULT_SPLITS[field_name.rsplit(".", 1)[-1]]
        return hub.read_hub_table(
            name, (part.config, split), self.revisions[name], self._wanted, field_name
        )

    def _read_files(self, path: Path, part: Sourced, field_name: str) -> Table:
        files = _list_files(path, part, field_name)
        formats = {_format_of(file, part, field_name) for file in files}
        if len(formats) > 1:
            raise DataError(
                f"{field_name}.source {part.source} holds files of several formats:"
                f" {', '.join(sorted(formats))}",
                hint=f"set {field_name}.format, or keep one format in the folder",
            )
        name = formats.pop()
        return join_tables([readers.read_file(f, name, self._wanted, field_name) for f in files])


def _list_files(path: Path, part: Sourced, field_name: str) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise NotFoundError(
            f"{field_name}.source {part.source} is not there{_describe_siblings(path)}",
            hint=f"check {field_name}.source",
        )
    # Sorted: the order of a folder differs between file systems, the order of training may not.
    files = sorted(f for f in path.iterdir() if f.is_file() and not f.name.startswith((".", "_")))
    known = [f for f in files if readers.find_format(f) or part.format != "Auto"]
    if not known:
        raise NotFoundError(
            f"{field_name}.source {part.source} is a folder without CSV, JSONL or Parquet files"
        )
    return known


def _format_of(file: Path, part: Sourced, field_name: str) -> str:
    name = readers.find_format(file) if part.format == "Auto" else part.format
    if name is None:
        raise DataError(
            f"{field_name}.source {part.source}: the ending {file.suffix!r} tells no format",
            hint=f"set {field_name}.format to CSV, JSONL or Parquet",
        )
    return name


def _describe_siblings(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; neither is its folder {path.parent.name!r}"
    names = sorted(entry.name for entry in path.parent.iterdir())[:10]
    return f"; beside it are {', '.join(names)}" if names else "; its folder is empty"


def _format_labels(table: Table, columns: Sequence[Column]) -> Table:
    changed = {
        c.role: [format_label(value) for value in table.columns[c.role]]
        for c in columns
        if c.kind is Kind.LABEL
    }
    return Table(table.columns | changed, table.origins)


def _settle_labels(dataset: Dataset, needs: Needs, tables: dict[str, Table]) -> tuple[str, ...]:
    role = needs.label_role
    if role is None:
        return ()
    train = tables["train"]
    column = getattr(dataset.columns, role)
    labels = tuple(dataset.labels) if dataset.labels else sort_labels(train.columns[role])
    for name, table in tables.items():
        checks.check_labels(table, role, labels, f"dataset.{name}")
    checks.check_label_count(train, role, column, "dataset.train")
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
    strata = train.columns[needs.label_role] if needs.label_role else [0] * len(train)
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
        for name in DEFAULT_SPLITS
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
