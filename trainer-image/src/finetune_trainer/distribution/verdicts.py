"""Which of several outcomes is that of the attempt: the one the others follow from. Pure.

A rank that fails takes its peers along: they lose their connection, or are told to stop. The
launcher asks here which of them to believe.
"""

from collections.abc import Mapping

from finetune_api.contract.exit_codes import CONSEQUENCES, ExitCode
from finetune_api.contract.outcomes import Outcome


def choose_outcome(
    outcomes: Mapping[int, Outcome], *, was_told_to_stop: bool, first: int = 0
) -> Outcome | None:
    """Choose the outcome of a pod.

    Args:
        outcomes: by rank, of those of the pod that left one.
        was_told_to_stop: whether the pod was, and not the ranks by a peer's end.
        first: the rank that speaks for the pod.

    Returns:
        None when nothing tells why it ended.
    """
    in_order = [outcomes[rank] for rank in sorted(outcomes)]
    causes = [o for o in in_order if not o.succeeded and o.exit_code not in CONSEQUENCES]
    if causes:
        return _with_report(causes[0], outcomes.get(first))
    ends = (ExitCode.PREEMPTED, *CONSEQUENCES) if was_told_to_stop else CONSEQUENCES
    for code in ends:
        found = next((outcome for outcome in in_order if outcome.exit_code == code), None)
        if found is not None:
            return _with_report(found, outcomes.get(first))
    return outcomes.get(first)


def _with_report(outcome: Outcome, leader: Outcome | None) -> Outcome:
    """Let the leader tell how far it came: no other rank measures."""
    report = leader.report if leader else outcome.report
    return outcome.model_copy(update={"report": report})
