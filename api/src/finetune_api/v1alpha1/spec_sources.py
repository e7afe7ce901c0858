"""Every field of a spec that names a source: who mounts, downloads, checks or counts walks here.

The operator mounts what the list names, a local run looks for it, the rules ask whether credentials
have anything to open. A new field with a source is one line here.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from finetune_api.rules import look_up
from finetune_api.sources import Source, parse_source

if TYPE_CHECKING:
    from finetune_api.v1alpha1.job import FineTuneJobSpec

MODEL_FIELDS = ("model.source", "model.tokenizerSource", "evaluation.gate.beatModel")
"""The fields that may name the model of another job."""
DATA_FIELDS = (
    "dataset.train.source",
    "dataset.validation.source",
    "dataset.test.source",
    "dataset.replay.source",
    "evaluation.forgetting.source",
)
SOURCE_FIELDS = (*MODEL_FIELDS, *DATA_FIELDS)


def list_sources(
    spec: "FineTuneJobSpec", fields: tuple[str, ...] = SOURCE_FIELDS
) -> Iterator[tuple[str, Source]]:
    """Give every source that a job reads, each with the field under spec that names it."""
    for field in fields:
        if uri := look_up(spec, field):
            yield field, parse_source(uri)


def list_job_sources(spec: "FineTuneJobSpec") -> dict[str, str]:
    """Give the names of the jobs whose models are read, each with the first field that says so."""
    found: dict[str, str] = {}
    for field, source in list_sources(spec, MODEL_FIELDS):
        if source.scheme == "job":
            found.setdefault(source.name, field)
    return found
