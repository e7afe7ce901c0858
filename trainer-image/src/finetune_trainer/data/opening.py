"""Opens the sources of a data set: a hub or files, each by its scheme and format.

`loading` is the only caller. It gets tables whose columns carry the names of roles and whose values
are normalised by their kind.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from finetune_api.sources import Source, parse_source
from finetune_api.v1alpha1.dataset import Dataset, HeldOutData, TrainData
from finetune_trainer.data import folders, hub, readers
from finetune_trainer.data.columns import Column
from finetune_trainer.data.kinds.registry import KINDS
from finetune_trainer.data.media import place_table
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.tables import Table, join_tables
from finetune_trainer.data.templates import render_texts
from finetune_trainer.errors import DataError, NotFoundError
from finetune_trainer.settings import Settings
from finetune_trainer.stores.downloads import Wanted, fetch_objects, refuse_archives
from finetune_trainer.strays import find_strays

DEFAULT_SPLITS = {"train": "train", "validation": "validation", "test": "test"}


class SourceReader:
    """Opens sources; remembers which commits of the hub it was given."""

    def __init__(
        self, dataset: Dataset, needs: Needs, settings: Settings, revisions: dict[str, str]
    ) -> None:
        """Take what is needed for every source of a job.

        Args:
            dataset: spec.dataset, for the names of the columns.
            needs: what the task asks for.
            settings: where volumes are.
            revisions: the commits of hub data sets that an earlier attempt used; what is resolved
                here is added.
        """
        self._columns = needs.columns
        self._wanted = {
            c.role: c.name or getattr(dataset.columns, c.role) or c.role
            for c in needs.columns
            if c.template is None
        }
        self._settings = settings
        self.revisions = revisions

    def read(self, part: TrainData | HeldOutData, field_name: str) -> Table:
        """Open one source.

        Args:
            part: the part of spec.dataset that names it.
            field_name: how the user finds the part, `dataset.train`.

        Raises:
            TrainerError: it is not there, or cannot be read.
        """
        source = parse_source(part.source or "")
        if source.scheme == "hf":
            table = self._read_hub(source.name, part, field_name)
        else:
            path = self._locate(source, part, field_name)
            table = self._read_files(path, part, field_name)
        return _normalize(table, self._columns)

    def _locate(self, source: Source, part: TrainData | HeldOutData, field_name: str) -> Path:
        if source.scheme != "s3":
            return self._settings.locate(source)

        def choose(names: Sequence[str]) -> list[str]:
            refuse_archives(names, f"{field_name}.source", source.uri)
            shown = [n for n in names if not any(p.startswith((".", "_")) for p in n.split("/"))]
            if part.format != "Auto" or len(names) == 1:
                return shown
            # Rows may name files beside them, so all of them come, if there are any rows at all.
            return shown if any(readers.find_format(Path(name)) for name in shown) else []

        wanted = Wanted(source, f"{field_name}.source", choose)
        return fetch_objects(wanted, self._settings.scratch, self.revisions)

    def _read_hub(self, name: str, part: TrainData | HeldOutData, field_name: str) -> Table:
        if name not in self.revisions:
            self.revisions[name] = hub.resolve_dataset_revision(name, field_name)
        split = part.split or DEFAULT_SPLITS.get(field_name.rsplit(".", 1)[-1], "train")
        table = hub.read_hub_table(
            name, (part.config, split), self.revisions[name], self._wanted, field_name
        )
        return place_table(table, self._columns, None)

    def _read_files(self, path: Path, part: TrainData | HeldOutData, field_name: str) -> Table:
        if part.format in folders.FOLDER_FORMATS:
            self._refuse_strays(folders.find_lists(path), part, field_name)
            found = folders.read_folder(path, part.format, self._wanted, field_name)
            return place_table(found, self._columns, path)
        files = _list_files(path, part, field_name)
        self._refuse_strays(files, part, field_name)
        formats = {_format_of(file, part, field_name) for file in files}
        if len(formats) > 1:
            raise DataError(
                f"{field_name}.source {part.source} holds files of several formats:"
                f" {', '.join(sorted(formats))}",
                hint=f"set {field_name}.format, or keep one format in the folder",
            )
        name = formats.pop()
        tables = [readers.read_file(f, name, self._wanted, field_name) for f in files]
        return join_tables(
            [place_table(t, self._columns, f.parent) for t, f in zip(tables, files, strict=True)]
        )

    def _refuse_strays(
        self, files: Sequence[Path], part: TrainData | HeldOutData, field_name: str
    ) -> None:
        source = parse_source(part.source or "")
        strays = find_strays(files, self._settings.find_root(source))
        if strays:
            raise DataError(
                f"{field_name}.source {source.uri}: {strays[0]} is a link that leads out of where"
                " the data lies",
                hint="put the file itself into the folder",
            )


def _list_files(path: Path, part: TrainData | HeldOutData, field_name: str) -> list[Path]:
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
            f"{field_name}.source {part.source} is a folder without files of a known"
            f" format ({', '.join(readers.FORMATS)})",
            hint=f"for folders of files, one for each label, set {field_name}.format to"
            f" {' or '.join(folders.FOLDER_FORMATS)}",
        )
    return known


def _format_of(file: Path, part: TrainData | HeldOutData, field_name: str) -> str:
    name = readers.find_format(file) if part.format == "Auto" else part.format
    if name is None:
        raise DataError(
            f"{field_name}.source {part.source}: the ending {file.suffix!r} tells no format",
            hint=f"set {field_name}.format to one of {', '.join(readers.FORMATS)}",
        )
    return name


def _describe_siblings(path: Path) -> str:
    if not path.parent.is_dir():
        return f"; neither is its folder {path.parent.name!r}"
    names = sorted(entry.name for entry in path.parent.iterdir())[:10]
    return f"; beside it are {', '.join(names)}" if names else "; its folder is empty"


def _normalize(table: Table, columns: Sequence[Column]) -> Table:
    made = {c.role: render_texts(table.columns, c.template) for c in columns if c.template}
    found = table.columns | made
    changed = {c.role: [KINDS[c.kind].normalize(value) for value in found[c.role]] for c in columns}
    return replace(table, columns=found | changed)
