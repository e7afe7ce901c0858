"""Why an attempt failed, in which words, and whether another one may help.

ENDINGS is a table of small rules, in the order in which they are asked. The trainer's own exit
codes are in `finetune_api.contract.exit_codes`; what kubelets, scheduler and controllers do is
here. A pod that does not even start is explained in `blockages`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from finetune_api.contract.exit_codes import MEANINGS, ExitCode
from finetune_api.contract.outcomes import Outcome, decode_outcome
from finetune_operator.core import reasons
from finetune_operator.core.records import Ending, PodRecord, Termination
from finetune_operator.core.texts import clean_text, is_reason

MAX_MESSAGE = 700
MAX_HINT = 300
SIGKILL_EXIT = 137
FIRST_SIGNAL_EXIT = 128


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong.

    Attributes:
        hint: what to do about it; may be empty.
        is_retried: whether another attempt may succeed.
        exit_code: of the trainer, where it ran.
        is_disruption: the cluster took the pod away, which did nothing wrong.
    """

    reason: str
    message: str
    hint: str = ""
    is_retried: bool = False
    exit_code: int | None = None
    is_disruption: bool = False

    @property
    def text(self) -> str:
        """Message and hint in one line, for a condition."""
        return f"{self.message}; {self.hint}" if self.hint else self.message


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a failed attempt."""

    ending: Ending
    pod: PodRecord | None

    @property
    def termination(self) -> Termination | None:
        """How the container ended."""
        return self.pod.termination if self.pod else None

    @property
    def outcome(self) -> Outcome | None:
        """What the trainer left as its last word."""
        return decode_outcome(self.termination.message) if self.termination else None


EndingRule: TypeAlias = Callable[[Evidence], Fault | None]


def explain_ending(evidence: Evidence) -> Fault:
    """Say why an attempt failed."""
    fault = next(fault for rule in ENDINGS if (fault := rule(evidence)))
    if evidence.termination and fault.exit_code is None:
        return replace(fault, exit_code=evidence.termination.exit_code)
    return fault


def _exceeded_the_deadline(evidence: Evidence) -> Fault | None:
    if evidence.ending.reason != "DeadlineExceeded":
        return None
    return explain_deadline()


def explain_deadline() -> Fault:
    """Say that the job's time is used up."""
    return Fault(
        reasons.DEADLINE_EXCEEDED,
        "the job was active for longer than spec.activeDeadlineSeconds",
        "raise activeDeadlineSeconds under a new name; checkpoints stay on their volume",
    )


def _was_evicted(evidence: Evidence) -> Fault | None:
    pod = evidence.pod
    if pod is None or pod.reason != "Evicted":
        return None
    message = clean_text(pod.message, MAX_MESSAGE)
    if "ephemeral" in pod.message or "emptyDir" in pod.message:
        return Fault(
            reasons.EPHEMERAL_STORAGE_EXCEEDED, message, "raise resources.ephemeralStorage"
        )
    return Fault(
        reasons.EVICTED,
        message,
        "the node ran short of something",
        is_retried=True,
        is_disruption=pod.disruption is not None,
    )


def _was_disrupted(evidence: Evidence) -> Fault | None:
    disruption = evidence.pod.disruption if evidence.pod else None
    if disruption is None:
        return None
    lost = disruption.reason == "DeletionByTaintManager" or "NodeLost" in disruption.reason
    return Fault(
        reasons.NODE_LOST if lost else reasons.PREEMPTED,
        clean_text(disruption.message or disruption.reason, MAX_MESSAGE),
        is_retried=True,
        is_disruption=True,
    )


def _lost_its_node(evidence: Evidence) -> Fault | None:
    if evidence.pod is None or evidence.pod.reason not in ("NodeLost", "NodeShutdown"):
        return None
    return Fault(
        reasons.NODE_LOST,
        clean_text(evidence.pod.message or f"the node {evidence.pod.node} went away", MAX_MESSAGE),
        is_retried=True,
    )


def _ran_out_of_memory(evidence: Evidence) -> Fault | None:
    end = evidence.termination
    # OOMKilled with another code is a child's death or a SIGTERM that the runtime miscounted.
    if end is None or end.reason != "OOMKilled" or end.exit_code != SIGKILL_EXIT:
        return None
    return Fault(
        reasons.HOST_OUT_OF_MEMORY,
        "the pod needed more memory than resources.memory and was ended by the node",
        "raise resources.memory, or lower training.batchSize or training.maxLength",
    )


def _could_not_start(evidence: Evidence) -> Fault | None:
    end = evidence.termination
    if end is None or end.reason not in ("StartError", "ContainerCannotRun"):
        return None
    return Fault(
        reasons.CANNOT_START,
        clean_text(f"{end.reason}: {end.message}", MAX_MESSAGE),
        "the image must hold the finetune trainer as its entry point",
    )


def _said_why(evidence: Evidence) -> Fault | None:
    outcome, end = evidence.outcome, evidence.termination
    if outcome is None or end is None or end.exit_code == 0:
        return None
    # The code of the process decides; the words are the trainer's.
    code = _as_exit_code(end.exit_code)
    known = MEANINGS[code] if code is not None else None
    fallback = known.reason if known else reasons.UNKNOWN_EXIT_CODE
    hint = outcome.hint or (known.hint if known else "")
    return Fault(
        reason=outcome.reason if is_reason(outcome.reason) else fallback,
        message=clean_text(outcome.message, MAX_MESSAGE) or f"exit code {end.exit_code}",
        hint=clean_text(hint, MAX_HINT),
        is_retried=known.retried if known else True,
    )


def _as_exit_code(code: int) -> ExitCode | None:
    return next((known for known in ExitCode if known == code), None)


def _has_a_known_code(evidence: Evidence) -> Fault | None:
    end = evidence.termination
    code = _as_exit_code(end.exit_code) if end and end.exit_code else None
    if code is None:
        return None
    meaning = MEANINGS[code]
    return Fault(
        meaning.reason, f"the trainer ended with exit code {code}", meaning.hint, meaning.retried
    )


def _returned_zero(evidence: Evidence) -> Fault | None:
    end = evidence.termination
    return explain_false_success() if end is not None and end.exit_code == 0 else None


def explain_false_success() -> Fault:
    """Say that exit code 0 alone is no success."""
    return Fault(
        reasons.FALSE_SUCCESS,
        "the pod ended with exit code 0 but left no outcome that says the model is done",
        "a process that traps SIGTERM and returns 0 does this; use the platform's trainer image",
    )


def _was_killed(evidence: Evidence) -> Fault | None:
    end = evidence.termination
    if end is None or end.exit_code != SIGKILL_EXIT:
        return None
    return Fault(
        reasons.KILLED,
        "the trainer was killed (SIGKILL), not for memory",
        "a grace period that was too short, or somebody on the node",
        is_retried=True,
    )


def _died_of_a_signal(evidence: Evidence) -> Fault | None:
    end = evidence.termination
    if end is None or end.exit_code <= FIRST_SIGNAL_EXIT:
        return None
    signal = end.exit_code - FIRST_SIGNAL_EXIT
    return Fault(
        reasons.CRASHED,
        f"the trainer died of signal {signal} (exit code {end.exit_code})",
        "read the pod's log",
        is_retried=True,
    )


def _cannot_be_executed(evidence: Evidence) -> Fault | None:
    end = evidence.termination
    if end is None or end.exit_code not in (126, 127):
        return None
    return Fault(
        reasons.CANNOT_START,
        f"the command of the image cannot be executed (exit code {end.exit_code})",
        "the image must hold the finetune trainer as its entry point",
    )


def _has_an_unknown_code(evidence: Evidence) -> Fault | None:
    end = evidence.termination
    if end is None:
        return None
    return Fault(
        reasons.UNKNOWN_EXIT_CODE,
        f"the trainer ended with exit code {end.exit_code}",
        "read the pod's log",
        is_retried=True,
    )


_CODE_IN_MESSAGE = re.compile(r"failed with exit code (\d+)")


def _is_told_by_the_job(evidence: Evidence) -> Fault | None:
    """The pod is gone, but the Job controller wrote the code down."""
    match = _CODE_IN_MESSAGE.search(evidence.ending.message)
    code = _as_exit_code(int(match[1])) if match else None
    if code is None:
        return None
    meaning = MEANINGS[code]
    text = f"the trainer ended with exit code {code}; its pod is gone"
    return Fault(meaning.reason, text, meaning.hint, meaning.retried, exit_code=int(code))


def _was_disrupted_says_the_job(evidence: Evidence) -> Fault | None:
    """The pod is gone, but the Job controller wrote down that the cluster took it away."""
    ending, pod = evidence.ending, evidence.pod
    if pod is not None and pod.disruption is not None:
        return None  # it has better words
    if ending.reason != "PodFailurePolicy" or "condition DisruptionTarget" not in ending.message:
        return None
    message = clean_text(ending.message, MAX_MESSAGE)
    return Fault(reasons.PREEMPTED, message, is_retried=True, is_disruption=True)


def _lost_its_pod(evidence: Evidence) -> Fault | None:
    pod = evidence.pod
    if evidence.ending.reason != "BackoffLimitExceeded" or (pod and pod.is_over):
        return None
    return Fault(
        reasons.POD_LOST, "the pod was deleted before it ended", "see who did", is_retried=True
    )


def _just_failed(evidence: Evidence) -> Fault:
    return Fault(
        reasons.ATTEMPT_FAILED,
        clean_text(f"{evidence.ending.reason}: {evidence.ending.message}", MAX_MESSAGE),
        "see the events of the batch Job",
        is_retried=True,
    )


ENDINGS: tuple[EndingRule, ...] = (
    _exceeded_the_deadline,
    _was_disrupted_says_the_job,
    _was_evicted,
    _was_disrupted,
    _lost_its_node,
    _ran_out_of_memory,
    _could_not_start,
    _said_why,
    _has_a_known_code,
    _returned_zero,
    _was_killed,
    _cannot_be_executed,
    _died_of_a_signal,
    _has_an_unknown_code,
    _is_told_by_the_job,
    _lost_its_pod,
    _just_failed,
)
