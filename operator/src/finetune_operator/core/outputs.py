"""Where jobs write, and whether two would write into each other.

Two live jobs that share a folder would overwrite one another's model, so the second is refused.
"""

from dataclasses import dataclass

from finetune_api.contract.resolved_jobs import resolve_job
from finetune_api.sources import parse_source
from finetune_api.v1alpha1 import FineTuneJob


@dataclass(frozen=True, slots=True)
class Place:
    """A folder on a claim of the job's namespace."""

    claim: str
    path: str

    @property
    def uri(self) -> str:
        """The place as a user writes it."""
        return f"pvc://{self.claim}/{self.path}".rstrip("/")

    @property
    def root(self) -> str:
        """The first folder: places that overlap share it, or one of them is the claim's root."""
        return self.path.split("/", 1)[0]

    def overlaps(self, other: "Place") -> bool:
        """Tell whether both are the same folder or one lies in the other."""
        if self.claim != other.claim:
            return False
        mine, theirs = self.path.split("/"), other.path.split("/")
        if "" in (self.path, other.path):
            return True  # the root of a claim holds every folder of it
        shorter = min(len(mine), len(theirs))
        return mine[:shorter] == theirs[:shorter]


def find_place(job: FineTuneJob) -> Place:
    """Say where a job writes its model."""
    source = parse_source(resolve_job(job).output_uri)
    return Place(claim=source.name, path=source.path)
