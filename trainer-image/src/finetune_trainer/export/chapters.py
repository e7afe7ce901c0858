"""The chapters of a model card about what a model was examined for. Pure; `cards` puts them in."""

import json
from collections.abc import Sequence

from finetune_api.v1alpha1.status import Metrics
from finetune_trainer.evaluation.findings import Findings
from finetune_trainer.evaluation.gates import describe_gap

MAX_GROUPS_SHOWN = 20


def write_examinations(metrics: Metrics, findings: Findings) -> str:
    """Write a chapter for each examination that was asked for."""
    chapters = (
        _write_verdict(findings),
        _write_slices(metrics, findings),
        _write_forgetting(metrics),
        _write_probes(findings),
    )
    return "\n".join(chapter for chapter in chapters if chapter)


def write_bias(metrics: Metrics, findings: Findings) -> str:
    """Say, as one of the limits, whether groups were compared."""
    if findings.slices is None:
        return (
            "- It was not examined for bias. Measure it for the groups of people that it will meet"
            " (evaluation.slices)."
        )
    columns = ", ".join(findings.slices)
    gaps = "; ".join(describe_gap(gap) for gap in metrics.slices or ())
    found = gaps or "no two groups had rows enough to be compared"
    return (
        f"- It was examined for bias by {columns}, and by nothing else: {found}. Groups that are no"
        " column of the data were not compared."
    )


def _write_verdict(findings: Findings) -> str:
    if not findings.complaints:
        return ""
    reasons = [f"- {complaint}" for complaint in findings.complaints]
    return "\n".join(
        ["## Not published", "", "It is not as good as its job demands:", *reasons, ""]
    )


def _write_slices(metrics: Metrics, findings: Findings) -> str:
    if findings.slices is None:
        return ""
    metric = metrics.slices[0].metric if metrics.slices else None
    lines = ["## Groups", ""]
    for column, found in findings.slices.items():
        groups = found["groups"]
        name = metric or next(iter(groups[0]["metrics"]), "")
        lines += [f"| {column} | Rows | {name} |", "|---|---|---|"]
        lines += [
            f"| {_clean(group['value'])} | {group['n']} | {_format(group['metrics'].get(name))} |"
            for group in groups[:MAX_GROUPS_SHOWN]
        ]
        lines.append("")
    return "\n".join([*lines, "All metrics of all groups are in slices.json.", ""])


def _write_forgetting(metrics: Metrics) -> str:
    rows = [
        (m.name, f"{m.before:.4f}", f"{m.after:.4f}", f"{m.drop:+.4f}")
        for m in metrics.forgetting or ()
    ]
    if not rows:
        return ""
    text = _write_rows(("On general rows", "Before", "After", "Worse by"), rows)
    return f"## Forgetting\n\n{text}\n"


def _write_probes(findings: Findings) -> str:
    if findings.probes is None:
        return ""
    rows = [
        (probe["text"], probe["before"] or "", probe["after"])
        for probe in findings.probes["probes"]
    ]
    reason = findings.probes["beforeIsNullBecause"]
    note = f"Before training there is no answer: {reason}.\n" if reason else ""
    return f"## Probes\n\n{_write_rows(('Text', 'Before', 'After'), rows)}\n{note}"


def _write_rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([_clean(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _clean(text: str) -> str:
    """Keep a text within its cell: what users and models write may hold bars and line breaks."""
    return json.dumps(text, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("|", "\\|")


def _format(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
