"""What the first attempt found is what later attempts use: commits of the hub, and the data.

Without it a job that is restarted after a push to the hub would train half on the old and half on
the new. `run` reads the pins first and writes them as soon as everything is resolved.
"""

from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from finetune_trainer.errors import DataError
from finetune_trainer.sealing import write_durably

FILE_NAME = "pins.json"


@dataclass(frozen=True, slots=True)
class Pins:
    """What an attempt used.

    Attributes:
        model_revision: the commit or fingerprint of the model.
        data_fingerprint: the hash of all rows.
        dataset_revisions: the commit of each hub data set, and the version of what came from each
            s3:// source, that of the model included.
    """

    model_revision: str | None = None
    data_fingerprint: str | None = None
    dataset_revisions: dict[str, str] = field(default_factory=dict)

    @property
    def model_commit(self) -> str | None:
        """The commit to ask a hub for; None for a model of a volume."""
        is_commit = self.model_revision and not self.model_revision.startswith("sha256:")
        return self.model_revision if is_commit else None


_ADAPTER = TypeAdapter(Pins)


def read_pins(folder: Path) -> Pins:
    """Read what an earlier attempt used; nothing is pinned where there was none."""
    try:
        return _ADAPTER.validate_json((folder / FILE_NAME).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return Pins()


def write_pins(folder: Path, pins: Pins) -> None:
    """Remember what this attempt uses."""
    write_durably(folder / FILE_NAME, _ADAPTER.dump_json(pins))


def hold_to_pins(earlier: Pins, fingerprint: str) -> None:
    """Refuse to go on with other rows than the job began with.

    Raises:
        DataError: the data changed between two attempts.
    """
    if earlier.data_fingerprint in (None, fingerprint):
        return
    raise DataError(
        "the data changed since the first attempt of this job: its fingerprint was"
        f" {str(earlier.data_fingerprint)[:12]}… and is {fingerprint[:12]}… now",
        hint="bring the data back, or apply the job under a new name to train on the new data",
    )
