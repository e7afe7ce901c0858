"""Builds the whole status from the facts and a verdict.

Starts from the status as it is: what a pod reported once stays when the pod is gone. `patches`
finds what differs, so building it anew at every look costs no write.
"""

from collections.abc import Iterable

from finetune_api.contract.outcomes import Outcome, decode_outcome
from finetune_api.contract.progress import ProgressReport
from finetune_api.contract.resolved_jobs import hash_spec, resolve_spec
from finetune_api.v1alpha1 import FineTuneJobStatus
from finetune_api.v1alpha1.status import (
    FINISHED_STATES,
    Artifact,
    Cost,
    EarlyStoppingStatus,
    Resolved,
)
from finetune_operator.core import progress
from finetune_operator.core.conditions import build_conditions
from finetune_operator.core.deadlines import measure_active_seconds
from finetune_operator.core.facts import Facts
from finetune_operator.core.plan import Verdict
from finetune_operator.core.records import PodRecord
from finetune_operator.core.tallies import count_attempts
from finetune_operator.core.texts import clean_text
from finetune_operator.core.times import format_time, parse_time

MAX_POD_NAMES = 16
MAX_WARNINGS = 10


def build_status(facts: Facts, verdict: Verdict) -> FineTuneJobStatus:
    """Say what the status should read."""
    if verdict.keeps_status:
        return facts.before
    fields: dict[str, object] = {
        "observed_generation": facts.job.generation,
        "state": verdict.state,
        "conditions": build_conditions(facts, verdict),
        "failure": verdict.failure,
    }
    if facts.job.job is not None:
        fields |= _describe_attempts(facts, verdict)
        fields |= _describe_report(facts, verdict)
        fields |= _describe_end(facts, verdict)
    return facts.before.model_copy(update=fields)


def _describe_attempts(facts: Facts, verdict: Verdict) -> dict[str, object]:
    latest, before = facts.latest, facts.before
    pods = [p for p in latest.pods if not p.disruption and not p.is_over] if latest else []
    started_at = latest.record.started_at if latest else None
    image = (before.resolved.image if before.resolved else None) or (
        facts.spec.image or facts.settings.trainer_image
    )
    fields: dict[str, object] = {"attempts": count_attempts(facts, verdict)}
    if latest:
        fields |= {
            "job_name": latest.record.name,
            "pod_names": _name_pods(facts, pods),
            "start_time": before.start_time or (format_time(started_at) if started_at else None),
            "resolved": _freeze(before.resolved, facts, image),
        }
    return fields


def _name_pods(facts: Facts, pods: Iterable[PodRecord]) -> list[str]:
    """Name the newest pods; of several that train together the leader first."""
    if facts.nodes > 1:
        return [pod.name for pod in sorted(pods, key=lambda pod: pod.index)][:MAX_POD_NAMES]
    return [pod.name for pod in pods][-MAX_POD_NAMES:]


def _freeze(before: Resolved | None, facts: Facts, image: str) -> Resolved:
    """Note what the job runs with, once: a later release's other defaults change nothing."""
    known = before or Resolved()
    if known.config_hash:
        return known
    update = {
        "image": image,
        "config_hash": hash_spec(resolve_spec(facts.spec)),
        "seed": facts.spec.training.seed,
        "models": facts.models or None,
    }
    return known.model_copy(update=update)


def _describe_report(facts: Facts, verdict: Verdict) -> dict[str, object]:
    """Take over what the trainer said, live or as its last word."""
    outcome = read_outcome(facts)
    is_over = verdict.state in FINISHED_STATES
    report = outcome.report if outcome and outcome.report else progress.choose_report(facts)
    if report is None:
        return {}
    before = facts.before
    heard_at = facts.report.received_at if facts.report else facts.now
    shown = progress.build_progress(report, heard_at, progress.find_main_metric(facts))
    if outcome and outcome.report and before.progress and before.progress.last_report_time:
        shown = shown.model_copy(update={"last_report_time": before.progress.last_report_time})
    if is_over:
        shown = shown.model_copy(update={"eta": None, "eta_seconds": None})
    attempts = count_attempts(facts, verdict)
    return {
        "progress": shown,
        "early_stopping": _clean_stopping(report.early_stopping) or before.early_stopping,
        "metrics": progress.merge_metrics(before.metrics, report.metrics),
        "history": progress.merge_history(before.history, report.history),
        "checkpoint": report.checkpoint or before.checkpoint,
        "resolved": _merge_resolved(facts, report),
        "attempts": attempts.model_copy(update={"resumed_from_step": report.resumed_from_step}),
        "cost": _add_up(facts, report, heard_at),
    }


def read_outcome(facts: Facts) -> Outcome | None:
    """Give the last word of the present attempt's leader."""
    pod = facts.latest.pod if facts.latest else None
    return decode_outcome(pod.termination.message) if pod and pod.termination else None


def _clean_stopping(stopping: EarlyStoppingStatus | None) -> EarlyStoppingStatus | None:
    if stopping is None:
        return None
    return stopping.model_copy(update={"best": progress.round_number(stopping.best)})


def _merge_resolved(facts: Facts, report: ProgressReport) -> Resolved:
    """Keep what the first attempt reported; take over what was not known yet."""
    known = facts.before.resolved or Resolved()
    known = _freeze(known, facts, known.image or facts.spec.image or facts.settings.trainer_image)
    told = report.resolved or Resolved()
    pod = facts.latest.pod if facts.latest else None
    update = {
        name: getattr(told, name)
        for name in Resolved.model_fields
        if getattr(known, name) is None and getattr(told, name) is not None
    }
    update["warnings"] = [clean_text(w, 256) for w in told.warnings][:MAX_WARNINGS] or (
        known.warnings
    )
    if pod and pod.image_id and not known.image_digest:
        update["image_digest"] = pod.image_id[:256]
    return known.model_copy(update=update)


def _add_up(facts: Facts, report: ProgressReport, heard_at: float) -> Cost:
    """Add up what the job used, as of the report.

    As of now, it would grow by itself and be written for ever. The CPU time of earlier attempts
    went with their pods.
    """
    before = facts.before.cost or Cost()
    active = sum(measure_active_seconds(attempt, heard_at) for attempt in facts.attempts)
    cpu = progress.finite(report.cpu_seconds) or 0.0
    return Cost(
        gpu_seconds=int(active * facts.nodes * facts.spec.resources.gpus_per_node),
        cpu_seconds=max(before.cpu_seconds, int(cpu)),
        saved_by_early_stopping_seconds=_estimate_saved_seconds(report),
    )


def _estimate_saved_seconds(report: ProgressReport) -> int | None:
    stopping, trained = report.early_stopping, progress.finite(report.train_seconds)
    if stopping is None or not stopping.stopped or not stopping.steps_saved or not trained:
        return None
    steps = stopping.stopped_step or report.step
    return int(trained / steps * stopping.steps_saved) if steps else None


def _describe_end(facts: Facts, verdict: Verdict) -> dict[str, object]:
    if verdict.state not in FINISHED_STATES:
        return {}
    ended_at = verdict.finished_at or facts.now
    begun_at = parse_time(facts.before.start_time)
    fields: dict[str, object] = {
        "completion_time": format_time(max(ended_at, begun_at or ended_at)),
        "pod_names": _name_pods(facts, facts.latest.pods) if facts.latest else [],
    }
    outcome = read_outcome(facts)
    if outcome and outcome.artifacts:
        fields["artifacts"] = [_clean_artifact(a) for a in outcome.artifacts[:16]]
    return fields


def _clean_artifact(artifact: Artifact) -> Artifact:
    return artifact.model_copy(
        update={"name": clean_text(artifact.name, 64), "uri": clean_text(artifact.uri, 1024)}
    )
