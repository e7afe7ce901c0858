"""Reads from an error of the API server what the user should be told about it.

Errors of the connection are nobody's news and are tried again in silence; what is refused for what
it says, or for whose it is, belongs into a condition.
"""

from finetune_operator.cluster.errors import ClusterError, ForbiddenError, InvalidError
from finetune_operator.core import reasons
from finetune_operator.core.facts import Obstacle


class NameTakenError(ClusterError):
    """A child's name belongs to an object of somebody else."""


class NotSharedError(ClusterError):
    """A claim cannot be mounted by all pods of a job."""


def read_obstacle(error: ClusterError) -> Obstacle | None:
    """Give what stands in the way; None when trying again is all that can be done."""
    text = str(error)
    match error:
        case NameTakenError():
            return Obstacle(reasons.NAME_TAKEN, text)
        case NotSharedError():
            return Obstacle(reasons.STORAGE_NOT_SHARED, text, is_final=True)
        case ForbiddenError(is_quota=True):
            return Obstacle(reasons.QUOTA_EXCEEDED, f"{text}; waiting for quota to become free")
        case ForbiddenError():
            hint = "check the operator's role, Pod Security and admission policies"
            return Obstacle(reasons.FORBIDDEN, f"{text}; {hint}")
        case InvalidError():
            return Obstacle(reasons.CHILD_REFUSED, text, is_final=True)
    return None
