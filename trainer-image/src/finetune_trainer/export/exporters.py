"""Writes the finished model to its destination: aside, sealed by result.json, then swapped in.

`run` calls it last. Whoever looks at the destination finds the old model, the new one, or nothing,
never half of one.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from finetune_api.contract.progress import ProgressReport
from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_trainer import sealing
from finetune_trainer.checkpoints.identity import list_versions
from finetune_trainer.export.cards import write_card
from finetune_trainer.export.results import RESULT_NAME, Result

METRICS_NAME = "metrics.json"
CARD_NAME = "README.md"


def export_model(
    output: Path, job: ResolvedJob, report: ProgressReport, save_model: Callable[[Path], None]
) -> None:
    """Publish a model.

    Args:
        output: the destination.
        job: what was asked for.
        report: what came of it.
        save_model: writes configuration, weights and tokenizer into a folder.
    """
    sealing.sweep_leftovers(output.parent, output.name)
    result = Result(
        job_name=job.name,
        job_uid=job.uid,
        config_hash=job.config_hash,
        attempt=report.attempt,
        report=report,
    )
    with sealing.writing_aside(output) as folder:
        save_model(folder)
        content = json.dumps(collect_metrics(report), indent=2, sort_keys=True)
        (folder / METRICS_NAME).write_text(content + "\n")
        (folder / CARD_NAME).write_text(write_card(job, report), encoding="utf-8")
        sealing.seal(folder, RESULT_NAME, {**result.to_json_dict(), "versions": list_versions()})
        sealing.publish(folder, output)


def collect_metrics(report: ProgressReport) -> dict[str, Any]:
    """Gather what was measured, and no times: two runs of one job give the same file."""
    metrics = report.metrics.to_json_dict() if report.metrics else {}
    return {
        **{kind: {m["name"]: m["value"] for m in found} for kind, found in metrics.items()},
        "earlyStopping": report.early_stopping.to_json_dict() if report.early_stopping else None,
        "steps": report.step,
        "rows": report.resolved.rows if report.resolved else None,
        "history": [point.to_json_dict() for point in report.history],
    }
