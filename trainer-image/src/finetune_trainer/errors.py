"""Why a training run can fail.

Each error carries the value that was wrong, the fix as a hint where one is known, and exactly one
exit code; the reason that the operator shows follows from the code
(finetune_api.contract.exit_codes). `__main__` alone turns them into an outcome; foreign exceptions
join the tree in `translations`.

TrainerError
├── ConfigError          64  the job file asks for something impossible
├── DataError            65  rows, columns or labels do not fit the task
├── NotFoundError        66  a model, file or split is not there
├── InternalError        70  a bug of ours; another attempt is made
├── TransientError       75  the hub or the network had a hiccup
├── AccessError          77  it is there, but not for this token
├── QualityGateError     79  the model is not as good as the job demands
├── DeviceMemoryError    80  the batch does not fit into the GPU
├── DivergedError        81  the loss stopped being a number
├── StorageFullError     82  no room for a checkpoint or the model
├── StalledError         83  no sign of life, or processes that wait for each other in vain
├── GpuFaultError        84  the GPU or its driver failed
├── InUseError           85  another pod of this job writes to its checkpoints
└── PreemptedError      143  SIGTERM or SIGINT: saved, and not done
"""

from collections.abc import Sequence
from typing import ClassVar

from finetune_api.contract.exit_codes import MEANINGS, ExitCode
from finetune_api.v1alpha1.status import Artifact


class TrainerError(Exception):
    """A failure with an exit code.

    Attributes:
        code: the exit code of the process.
        hint: what to do about it; the table of the contract fills in where it is None.
        artifacts: what is left all the same.
    """

    code: ClassVar[ExitCode] = ExitCode.INTERNAL
    artifacts: tuple[Artifact, ...] = ()

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint

    @property
    def reason(self) -> str:
        """The CamelCase reason for conditions and events."""
        return MEANINGS[self.code].reason


class ConfigError(TrainerError):
    """The job asks for something impossible."""

    code = ExitCode.BAD_CONFIG


class DataError(TrainerError):
    """Rows, columns or labels do not fit the task."""

    code = ExitCode.BAD_DATA


class NotFoundError(TrainerError):
    """A model, file or split is not there."""

    code = ExitCode.NOT_FOUND


class InternalError(TrainerError):
    """A bug of ours."""

    code = ExitCode.INTERNAL


class TransientError(TrainerError):
    """The hub or the network had a hiccup; another attempt may succeed."""

    code = ExitCode.TRANSIENT


class AccessError(TrainerError):
    """It is there, but not for this token."""

    code = ExitCode.ACCESS_DENIED


class QualityGateError(TrainerError):
    """The model is not as good as the job demands; it is kept, but not published."""

    code = ExitCode.QUALITY_GATE

    def __init__(
        self, message: str, hint: str | None = None, artifacts: Sequence[Artifact] = ()
    ) -> None:
        """Say why, and where the model is kept."""
        super().__init__(message, hint)
        self.artifacts = tuple(artifacts)


class DeviceMemoryError(TrainerError):
    """The batch does not fit into the GPU."""

    code = ExitCode.CUDA_OUT_OF_MEMORY


class DivergedError(TrainerError):
    """The loss stopped being a number."""

    code = ExitCode.DIVERGED


class StorageFullError(TrainerError):
    """No room for a checkpoint or the model."""

    code = ExitCode.STORAGE_FULL


class StalledError(TrainerError):
    """No sign of life for too long, or processes that wait for each other in vain."""

    code = ExitCode.STALLED


class GpuFaultError(TrainerError):
    """The GPU or its driver failed."""

    code = ExitCode.GPU_FAULT


class InUseError(TrainerError):
    """Another pod of this job writes to its checkpoints; this one must not."""

    code = ExitCode.CHECKPOINTS_IN_USE


class PreemptedError(TrainerError):
    """The process was told to stop."""

    code = ExitCode.PREEMPTED
