"""Text from pods and nodes made fit for a status: short, printable, one line.

What a pod says is not trusted: control characters could rewrite a terminal, and length costs etcd.
"""

import re

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]+")
_REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]{0,126}[A-Za-z0-9_])?")


def clean_text(text: str | None, limit: int) -> str:
    """Give the text on one line of at most `limit` characters, without control characters."""
    cleaned = _UNPRINTABLE.sub(" ", text or "").strip()
    return cleaned if len(cleaned) <= limit else cleaned[: limit - 1] + "…"


def is_reason(text: str) -> bool:
    """Tell whether Kubernetes takes the text for a condition's reason."""
    return _REASON.fullmatch(text) is not None
