"""Times of Kubernetes (RFC 3339, whole seconds) as seconds since the epoch, and back.

Records hold floats: they are small and compare without surprises. Only statuses hold text.
"""

from datetime import UTC, datetime


def parse_time(text: str | None) -> float | None:
    """Give the seconds since the epoch, or None where there is no time or none that reads."""
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None


def format_time(seconds: float) -> str:
    """Write a time as Kubernetes does."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
