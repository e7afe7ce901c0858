"""Times as Kubernetes writes and reads them; used by everything that builds a status."""

from __future__ import annotations

import datetime


def read_now() -> datetime.datetime:
    """Give the current time in UTC."""
    return datetime.datetime.now(datetime.UTC)


def format_time(moment: datetime.datetime) -> str:
    """Format as metav1.Time, which has whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def format_micro_time(moment: datetime.datetime) -> str:
    """Format as metav1.MicroTime, which Leases use."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime.datetime:
    """Parse either form."""
    return datetime.datetime.fromisoformat(text)
