"""Why a development cluster can fail.

DevClusterError
├── BuildError          a tool could not be built or fetched
├── StartError          a process ended, or did not become ready in time
├── CommandError        kubectl ended with an error
└── ApiError            the API server refused a request
"""

from __future__ import annotations


class DevClusterError(Exception):
    """Anything this package gives up on; the message says what to do about it."""


class BuildError(DevClusterError):
    """A tool could not be built or fetched."""


class StartError(DevClusterError):
    """A process ended, or did not become ready in time."""


class CommandError(DevClusterError):
    """A command ended with an error; the message holds what it wrote to stderr."""


class ApiError(DevClusterError):
    """The API server refused a request."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
