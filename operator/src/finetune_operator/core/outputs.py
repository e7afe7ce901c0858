"""Where jobs write, and whether two would write into each other.

Two live jobs that share a folder would overwrite one another's model, so the second is refused.
"""

from dataclasses import dataclass

from finetune_api.contract.resolved_jobs import resolve_job
from finetune_api.sources import Source, SourceScheme, parse_source
from finetune_api.v1alpha1 import FineTuneJob


@dataclass(frozen=True, slots=True)
class Place:
    """A folder on a claim of the job's namespace, a prefix of a bucket, or a repository.

    Attributes:
        claim: the claim, the bucket or the repository.
        path: the folder or the prefix; a repository is written as a whole.
        scheme: which of the three.
    """

    claim: str
    path: str
    scheme: SourceScheme = "pvc"

    @property
    def uri(self) -> str:
        """The place as a user writes it."""
        return Source(self.scheme, self.claim, self.path).uri

    @property
    def store(self) -> str:
        """The claim, bucket or repository, distinct from those of other schemes."""
        return f"{self.scheme}://{self.claim}"

    @property
    def root(self) -> str:
        """The first folder: places that overlap share it, or one of them is the claim's root."""
        return self.path.split("/", 1)[0]

    def overlaps(self, other: "Place") -> bool:
        """Tell whether both are the same folder or one lies in the other."""
        if self.store != other.store:
            return False
        mine, theirs = self.path.split("/"), other.path.split("/")
        if "" in (self.path, other.path):
            return True  # the root of a claim holds every folder of it
        shorter = min(len(mine), len(theirs))
        return mine[:shorter] == theirs[:shorter]


def find_place(job: FineTuneJob) -> Place:
    """Say where a job writes its model."""
    resolved = resolve_job(job)
    source = parse_source(resolved.publish_uri or resolved.output_uri)
    return Place(claim=source.name, path=source.path, scheme=source.scheme)
