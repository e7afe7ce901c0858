"""What the untouched model was asked before training, kept beside the checkpoints.

`training.examinations` writes it once and asks it ever after: an attempt that goes on from a
checkpoint compares with the very answers that the first one was given, and spends no time on them.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from finetune_trainer.checkpoints.identity import Identity
from finetune_trainer.sealing import write_durably

FILE_NAME = "before.json"


@dataclass(frozen=True, slots=True)
class Before:
    """What was found before training.

    Attributes:
        general: metrics of the untouched model on the rows of evaluation.forgetting.
        general_fingerprint: the hash of those rows.
        probes: its answers to evaluation.probes; None where its output layer knows nothing.
        rival: metrics of the model of evaluation.gate.beatModel on the rows to judge by.
    """

    general: dict[str, float] | None = None
    general_fingerprint: str | None = None
    probes: list[str] | None = None
    rival: dict[str, float] | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    job_uid: str
    config_hash: str
    data_fingerprint: str
    before: Before


_ADAPTER = TypeAdapter(_Kept)


def read_before(folder: Path, identity: Identity, general_fingerprint: str | None) -> Before | None:
    """Read what an earlier attempt found; None where there was none, or it was of other rows."""
    try:
        kept = _ADAPTER.validate_json((folder / FILE_NAME).read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
    if identity.find_difference(asdict(kept)) is not None:
        return None
    return kept.before if kept.before.general_fingerprint == general_fingerprint else None


def write_before(folder: Path, identity: Identity, before: Before) -> None:
    """Remember it for the attempts that follow."""
    write_durably(folder / FILE_NAME, _ADAPTER.dump_json(_Kept(**asdict(identity), before=before)))
