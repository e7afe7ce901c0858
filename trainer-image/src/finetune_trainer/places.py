"""Where an attempt writes, looked at before anything is paid for.

`run` calls it first. What cannot work at the end, hours later, is refused here: a destination that
is no folder, one that holds files of somebody else, or one that would swallow the checkpoints.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_api.sources import parse_source
from finetune_trainer.errors import ConfigError, NotFoundError
from finetune_trainer.export.results import REJECTED_NAME, RESULT_NAME
from finetune_trainer.settings import Settings


@dataclass(frozen=True, slots=True)
class Places:
    """The folders of an attempt.

    Attributes:
        output: where the model goes, made by a rename at the end.
        checkpoints: where checkpoints, the best model and the pins lie.
    """

    output: Path
    checkpoints: Path

    @property
    def rejected(self) -> Path:
        """Where a model goes that is not good enough: beside the checkpoints."""
        return self.checkpoints / REJECTED_NAME


def find_places(job: ResolvedJob, settings: Settings) -> Places:
    """Locate the folders and check that they can be used.

    Raises:
        ConfigError: the destination cannot be written as a whole.
        NotFoundError: a claim is not mounted.
    """
    places = Places(settings.locate_uri(job.output_uri), settings.locate_uri(job.checkpoints_uri))
    sealed = "output.destination" if job.publish_uri is None else "checkpoints"
    for field, uri in ((sealed, job.output_uri), ("checkpoints", job.checkpoints_uri)):
        _check_claim(field, uri, settings)
    _check_output(places, job.output_uri)
    places.checkpoints.mkdir(parents=True, exist_ok=True)
    return places


def _check_claim(field: str, uri: str, settings: Settings) -> None:
    claim = settings.volumes / parse_source(uri).name
    if not claim.is_dir():
        raise NotFoundError(
            f"{field} is {uri}, but the claim {claim.name!r} is not mounted",
            hint="make the claim, or correct the name",
        )
    if not os.access(claim, os.W_OK):
        raise ConfigError(
            f"{field} is {uri}, but the claim {claim.name!r} cannot be written by this user",
            hint="mount a claim that the group 1000 may write (fsGroup does so)",
        )


def _check_output(places: Places, uri: str) -> None:
    output = places.output
    if places.checkpoints.is_relative_to(output):
        raise ConfigError(
            f"output.destination is {uri}, which holds the checkpoints: publishing the model would"
            " remove them",
            hint=f"name another folder, for example {uri}/model",
        )
    if output.exists() and not output.is_dir():
        raise ConfigError(f"output.destination is {uri}, which is a file: name a folder")
    if output.is_dir() and not (output / RESULT_NAME).exists():
        foreign = sorted(entry.name for entry in output.iterdir())
        if foreign:
            raise ConfigError(
                f"output.destination is {uri}, which holds files that no job made:"
                f" {', '.join(foreign[:5])}; publishing the model would remove them",
                hint="name an empty or a new folder",
            )
