"""Writes the finished model to its destination: aside, sealed by result.json, then swapped in.

`run` calls it last. Whoever looks at the destination finds the old model, the new one, or nothing,
never half of one.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from finetune_api.contract.progress import ProgressReport
from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_trainer import sealing
from finetune_trainer.checkpoints.identity import list_versions
from finetune_trainer.data.reports import read_summary
from finetune_trainer.evaluation.findings import NO_FINDINGS, Findings
from finetune_trainer.evaluation.intervals import Interval
from finetune_trainer.export.cards import write_card
from finetune_trainer.export.results import (
    METRICS_NAME,
    PROBES_NAME,
    RESULT_NAME,
    SLICES_NAME,
    Result,
)

CARD_NAME = "README.md"
CONFUSION_NAME = "confusion.csv"


def export_model(
    output: Path,
    job: ResolvedJob,
    report: ProgressReport,
    save_model: Callable[[Path], None],
    findings: Findings = NO_FINDINGS,
) -> None:
    """Publish a model.

    Args:
        output: the destination.
        job: what was asked for.
        report: what came of it.
        save_model: writes configuration, weights and tokenizer into a folder.
        findings: what examining the model gave.
    """
    sealing.sweep_leftovers(output.parent, output.name)
    result = Result(
        job_name=job.name,
        job_uid=job.uid,
        config_hash=job.config_hash,
        attempt=report.attempt,
        report=report,
        complaints=findings.complaints,
    )
    with sealing.writing_aside(output) as folder:
        save_model(folder)
        (folder / METRICS_NAME).write_text(_encode(collect_metrics(report, findings)))
        (folder / CARD_NAME).write_text(
            write_card(job, report, read_summary(folder), findings), encoding="utf-8"
        )
        _write_findings(folder, findings)
        sealing.seal(folder, RESULT_NAME, {**result.to_json_dict(), "versions": list_versions()})
        sealing.publish(folder, output)


def _write_findings(folder: Path, findings: Findings) -> None:
    reports = {SLICES_NAME: findings.slices, PROBES_NAME: findings.probes}
    for name, content in reports.items():
        if content is not None:
            (folder / name).write_text(_encode(content, sort_keys=False), encoding="utf-8")
    if findings.confusion is not None:
        (folder / CONFUSION_NAME).write_text(findings.confusion, encoding="utf-8")


def _encode(content: dict[str, Any], *, sort_keys: bool = True) -> str:
    return json.dumps(content, indent=2, sort_keys=sort_keys, ensure_ascii=False) + "\n"


def collect_metrics(report: ProgressReport, findings: Findings = NO_FINDINGS) -> dict[str, Any]:
    """Gather what was measured, and no times: two runs of one job give the same file."""
    metrics = report.metrics.to_json_dict() if report.metrics else {}
    return {
        **{kind: _by_name(found) for kind, found in metrics.items()},
        "earlyStopping": report.early_stopping.to_json_dict() if report.early_stopping else None,
        "steps": report.step,
        "rows": report.resolved.rows if report.resolved else None,
        "intervals": {kind: _round(found) for kind, found in findings.intervals.items()},
        "history": [point.to_json_dict() for point in report.history],
    }


def _round(intervals: Mapping[str, Interval]) -> dict[str, list[float]]:
    return {name: [round(low, 6), round(high, 6)] for name, (low, high) in intervals.items()}


def _by_name(found: list[dict[str, Any]]) -> dict[str, Any] | list[dict[str, Any]]:
    """Put plain values under their names; what says more of each is kept as it is."""
    if all(set(metric) == {"name", "value"} for metric in found):
        return {metric["name"]: metric["value"] for metric in found}
    return found
