"""Takes secrets out of what leaves the process: log lines, outcomes, addresses with passwords.

Nothing here writes a secret on purpose; this is the second lock, for the texts of libraries that
quote what they were given. `__main__` puts it around the log and the outcome.
"""

import logging
import re
from collections.abc import Mapping

from finetune_api.contract.environment import SECRET_VARIABLES

HIDDEN = "[hidden]"
MIN_SECRET_LENGTH = 6
"""Shorter values would take harmless words with them, and protect nothing."""
_USER_IN_ADDRESS = re.compile(r"(?<=://)[^/@\s'\"]+@")
_SIGNED_QUERY = re.compile(r"\?[^\s'\"<>]*(?:[Ss]ignature|[Tt]oken|[Cc]redential)=[^\s'\"<>]*")


class Redactor:
    """Knows the secrets of one process."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Take the values that nobody may see from the environment."""
        values = {variables.get(name, "") for name in SECRET_VARIABLES}
        # The longest first: one may hold another.
        secrets = sorted((v for v in values if len(v) >= MIN_SECRET_LENGTH), key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, secrets)) or r"(?!)")

    def clean(self, text: str) -> str:
        """Give a text without secrets."""
        text = self._secrets.sub(HIDDEN, text)
        text = _USER_IN_ADDRESS.sub("", text)
        return _SIGNED_QUERY.sub(f"?{HIDDEN}", text)


class RedactingFormatter(logging.Formatter):
    """Formats log records, tracebacks included, and cleans them."""

    def __init__(self, text_format: str, redactor: Redactor) -> None:
        super().__init__(text_format)
        self._redactor = redactor

    def format(self, record: logging.LogRecord) -> str:
        """Give the line without secrets."""
        return self._redactor.clean(super().format(record))
