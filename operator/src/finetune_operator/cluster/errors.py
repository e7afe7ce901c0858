"""What the API server can answer instead of doing it.

ClusterError
├── ConflictError         409  somebody was faster; look again
├── AlreadyExistsError    409  on create: the name is taken
├── NotFoundError         404
├── ForbiddenError        403  no right, or a quota is used up (`is_quota`)
├── InvalidError          422, 400, 413: the object as it is will never be taken
├── TooManyRequestsError  429  with the seconds to wait
└── UnavailableError      5xx, time-outs, broken connections
"""

import json
from collections.abc import Mapping
from typing import Any

MAX_MESSAGE = 600


class ClusterError(Exception):
    """A request that was not carried out.

    Attributes:
        status: the HTTP status; 0 where there was no answer.
        retry_after_seconds: what the server asked for.
    """

    def __init__(
        self, message: str, *, status: int = 0, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_seconds = retry_after_seconds


class ConflictError(ClusterError):
    """The object changed since it was read."""


class AlreadyExistsError(ClusterError):
    """An object of that name exists."""


class NotFoundError(ClusterError):
    """There is no such object."""


class ForbiddenError(ClusterError):
    """The operator may not do that."""

    @property
    def is_quota(self) -> bool:
        """Whether a ResourceQuota stands in the way: that may change by itself."""
        return "exceeded quota" in str(self)


class InvalidError(ClusterError):
    """The object is refused for what it says."""


class TooManyRequestsError(ClusterError):
    """The server asks for patience."""


class UnavailableError(ClusterError):
    """The server does not answer, or cannot."""


_BY_REASON: dict[str, type[ClusterError]] = {
    "AlreadyExists": AlreadyExistsError,
    "Conflict": ConflictError,
}
_BY_STATUS: dict[int, type[ClusterError]] = {
    400: InvalidError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: NotFoundError,
    413: InvalidError,
    422: InvalidError,
    429: TooManyRequestsError,
}


def build_error(status: int, body: bytes, headers: Mapping[str, str]) -> ClusterError:
    """Turn an answer into the error that it means."""
    answer = _parse(body)
    fallback = UnavailableError if status >= 500 or status == 401 else ClusterError
    kind = _BY_REASON.get(str(answer.get("reason"))) or _BY_STATUS.get(status, fallback)
    message = str(answer.get("message") or body[:MAX_MESSAGE].decode(errors="replace"))
    return kind(
        message[:MAX_MESSAGE] or f"HTTP {status}",
        status=status,
        retry_after_seconds=_parse_seconds(headers.get("Retry-After")),
    )


def _parse(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _parse_seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None
