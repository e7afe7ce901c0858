"""Which of the pods that train together to believe: the one that the others followed.

One that fails takes its peers along: they lose their connection, or are told to stop. `attempts`
asks why an attempt failed, `tallies` whether that counts. Of one pod there is nothing to choose.
"""

from finetune_api.contract.exit_codes import CONSEQUENCES
from finetune_operator.core.facts import Attempt, Facts
from finetune_operator.core.faults import SIGKILL_EXIT, Evidence, Fault, explain_ending
from finetune_operator.core.records import PodRecord

_CAUSE = 1
_GOOD_END = _CAUSE + len(CONSEQUENCES) + 1


def find_culprit(attempt: Attempt) -> PodRecord | None:
    """Give the pod whose end was the attempt's; the leader where none has ended."""
    ended = [pod for pod in attempt.members if pod.is_over or pod.disruption]
    return min(ended, key=_rank, default=attempt.pod)


def _rank(pod: PodRecord) -> int:
    """Give a number that is the lower, the likelier the others followed this pod."""
    if pod.disruption is not None:
        return 0
    if pod.termination is None:  # rejected or lost: its status tells
        return _CAUSE
    code = pod.termination.exit_code
    if code == 0:
        return _GOOD_END
    if pod.is_deleting and code == SIGKILL_EXIT:  # the Job ended it, and it took too long
        return _GOOD_END - 1
    return _CAUSE + 1 + CONSEQUENCES.index(code) if code in CONSEQUENCES else _CAUSE


def explain_attempt(attempt: Attempt) -> Fault | None:
    """Say why an attempt failed; None for one that goes on or ended well."""
    ending = attempt.record.ending
    if ending is None or ending.succeeded:
        return None
    return explain_ending(Evidence(ending, find_culprit(attempt)))


def was_preempted(facts: Facts, attempt: Attempt) -> bool:
    """Tell whether the cluster ended an attempt, which then does not count as failed.

    A single pod is replaced within its attempt; several cannot go on without one of them.
    """
    fault = explain_attempt(attempt) if facts.nodes > 1 else None
    return fault is not None and fault.is_disruption
