"""Counts what the operator writes, from the API server's own audit log."""

import json
from collections import Counter
from pathlib import Path

WRITES = frozenset({"create", "update", "patch", "delete"})


def count_writes(audit_log: Path, user: str, namespace: str) -> Counter[str]:
    """Count one user's writes in a namespace, as `verb resource/subresource`."""
    counted: Counter[str] = Counter()
    for line in audit_log.read_text().splitlines():
        event = json.loads(line)
        reference = event.get("objectRef", {})
        if (
            event["stage"] == "ResponseComplete"
            and event["user"]["username"] == user
            and reference.get("namespace") == namespace
            and event["verb"] in WRITES
        ):
            parts = filter(None, (reference["resource"], reference.get("subresource")))
            counted[f"{event['verb']} {'/'.join(parts)}"] += 1
    return counted
