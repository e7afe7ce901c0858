"""What a trainer's exit code means: one table for the trainer and for the operator that reads it.

0 alone is no success: the outcome must say so too, for a process that traps SIGTERM and returns 0
would otherwise pass for one. Codes below 75 follow sysexits.h.
"""

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """How a trainer ended."""

    DONE = 0
    BAD_CONFIG = 64
    BAD_DATA = 65
    NOT_FOUND = 66
    INTERNAL = 70
    TRANSIENT = 75
    ACCESS_DENIED = 77
    QUALITY_GATE = 79
    CUDA_OUT_OF_MEMORY = 80
    DIVERGED = 81
    STORAGE_FULL = 82
    STALLED = 83
    GPU_FAULT = 84
    CHECKPOINTS_IN_USE = 85
    PREEMPTED = 143


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the operator makes of an exit code.

    Attributes:
        reason: the CamelCase reason for conditions, events and status.failure.
        hint: what to do about it, when the outcome itself brings no better one.
        retried: whether another attempt may succeed.
    """

    reason: str
    hint: str
    retried: bool = False


MEANINGS: dict[ExitCode, Meaning] = {
    ExitCode.DONE: Meaning("Succeeded", ""),
    ExitCode.BAD_CONFIG: Meaning("BadConfig", "correct the spec and apply it under a new name"),
    ExitCode.BAD_DATA: Meaning(
        "BadData", "correct the data or spec.dataset.columns and apply again"
    ),
    ExitCode.NOT_FOUND: Meaning(
        "NotFound", "check spec.model.source and the sources of spec.dataset"
    ),
    ExitCode.INTERNAL: Meaning(
        "InternalError", "read the pod's log; please report it", retried=True
    ),
    ExitCode.TRANSIENT: Meaning(
        "TransientDownload", "the hub or the network had a hiccup", retried=True
    ),
    ExitCode.ACCESS_DENIED: Meaning(
        "AccessDenied",
        "check the token in spec.model.credentialsSecretName and that it may read the model",
    ),
    ExitCode.QUALITY_GATE: Meaning(
        "QualityGateFailed",
        "the model is kept beside the checkpoints but not published: improve data or recipe, or"
        " change evaluation.gate",
    ),
    ExitCode.CUDA_OUT_OF_MEMORY: Meaning(
        "CUDAOutOfMemory",
        "lower training.batchSize (raise gradientAccumulationSteps by as much), training.maxLength,"
        " or set training.gradientCheckpointing",
    ),
    ExitCode.DIVERGED: Meaning(
        "TrainingDiverged", "lower training.learningRate or lengthen the warm-up"
    ),
    ExitCode.STORAGE_FULL: Meaning(
        "CheckpointStorageFull", "enlarge the volume or lower checkpoints.keep"
    ),
    ExitCode.STALLED: Meaning("TrainingStalled", "no step for too long", retried=True),
    ExitCode.GPU_FAULT: Meaning("GPUFailure", "the GPU or its driver failed", retried=True),
    ExitCode.CHECKPOINTS_IN_USE: Meaning(
        "CheckpointsInUse",
        "another pod of this job still writes to its checkpoints; delete that pod if its node is"
        " gone",
        retried=True,
    ),
    ExitCode.PREEMPTED: Meaning("Terminated", "the trainer was told to stop", retried=True),
}

PERMANENT_EXIT_CODES: tuple[int, ...] = tuple(
    sorted(code for code, meaning in MEANINGS.items() if code and not meaning.retried)
)

CONSEQUENCES: tuple[ExitCode, ...] = (ExitCode.STALLED, ExitCode.PREEMPTED)
"""How a process ends whose peer is gone, the likelier cause of the attempt's end first.

Of processes that train together the trainer believes another code before these, and of pods that
do so does the operator.
"""
