"""Why a command can fail before, or beside, the trainer.

CliError
├── ManifestError  64  the job file is no valid FineTuneJob
├── NotFoundError  66  a file, a folder or the trainer is not there
└── BusyError      75  another run of the same job writes there now

A trainer that fails is no CliError: its own exit code and words are passed on.
`__main__` is the only place that turns these into text and an exit code.
"""

from finetune_api.contract.exit_codes import ExitCode


class CliError(Exception):
    """What a command could not do, with the value that was wrong.

    Attributes:
        exit_code: what the command ends with.
        hint: the fix, in one line; None when the message says it all.
    """

    exit_code = ExitCode.INTERNAL

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class ManifestError(CliError):
    """The job file is no valid FineTuneJob."""

    exit_code = ExitCode.BAD_CONFIG


class NotFoundError(CliError):
    """A file, a folder or the trainer is not there."""

    exit_code = ExitCode.NOT_FOUND


class BusyError(CliError):
    """Another run of the same job writes to the same folder now."""

    exit_code = ExitCode.TRANSIENT
