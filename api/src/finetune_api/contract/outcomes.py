"""The last word of a trainer: JSON in the termination message, which the kubelet keeps for us.

It is there even when the operator was down all the time. A kubelet cuts it at 4096 bytes, so
`encode_outcome` sheds what matters least until it fits.
"""

from pydantic import Field, ValidationError

from finetune_api.contract import CONTRACT_VERSION
from finetune_api.contract.progress import ProgressReport
from finetune_api.models import ReportedModel
from finetune_api.v1alpha1.status import Artifact

MAX_BYTES = 4096


class Outcome(ReportedModel):
    """How an attempt ended."""

    version: int = CONTRACT_VERSION
    exit_code: int = Field(description="The exit code that follows.")
    succeeded: bool = Field(
        description="The marker: training, test and export are done and sealed."
    )
    reason: str = Field(max_length=128, description="CamelCase.")
    message: str = Field(default="", description="What happened.")
    hint: str | None = Field(default=None, description="What to do about it.")
    artifacts: list[Artifact] = Field(default=[], description="What it leaves.")
    report: ProgressReport | None = Field(default=None, description="The last progress report.")


def encode_outcome(outcome: Outcome) -> bytes:
    """Give the JSON of an outcome, shortened to what a kubelet keeps."""
    for shorten in SHORTENINGS:
        outcome = shorten(outcome)
        encoded = outcome.model_dump_json(by_alias=True, exclude_none=True).encode()
        if len(encoded) <= MAX_BYTES:
            return encoded
    return encoded[:MAX_BYTES]


def decode_outcome(message: str | None) -> Outcome | None:
    """Read a termination message; None when there is none or it is not ours."""
    if not message:
        return None
    try:
        return Outcome.model_validate_json(message)
    except ValidationError:
        return None


def _keep_all(outcome: Outcome) -> Outcome:
    return outcome


def _drop_history(outcome: Outcome) -> Outcome:
    return _with_report(outcome, history=())


def _drop_resolved_details(outcome: Outcome) -> Outcome:
    if outcome.report is None or outcome.report.resolved is None:
        return outcome
    resolved = outcome.report.resolved.model_copy(update={"warnings": [], "labels": None})
    return _with_report(outcome, resolved=resolved)


def _cut_message(outcome: Outcome) -> Outcome:
    hint = outcome.hint[:256] if outcome.hint else outcome.hint
    return outcome.model_copy(update={"message": outcome.message[:512], "hint": hint})


def _drop_comparisons(outcome: Outcome) -> Outcome:
    metrics = outcome.report.metrics if outcome.report else None
    if metrics is None:
        return outcome
    kept = metrics.model_copy(update={"forgetting": None, "slices": None})
    return _with_report(outcome, metrics=kept)


def _drop_report(outcome: Outcome) -> Outcome:
    return outcome.model_copy(update={"report": None, "artifacts": outcome.artifacts[:4]})


def _with_report(outcome: Outcome, **changes: object) -> Outcome:
    if outcome.report is None:
        return outcome
    return outcome.model_copy(update={"report": outcome.report.model_copy(update=changes)})


SHORTENINGS = (
    _keep_all,
    _drop_history,
    _drop_resolved_details,
    _cut_message,
    _drop_comparisons,
    _drop_report,
)
"""What is left out, in this order, until an outcome fits."""
