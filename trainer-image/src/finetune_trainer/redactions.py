"""Takes secrets out of what leaves the process: its streams, reports and outcomes.

Nothing here writes a secret on purpose; this is the second lock, for the texts of libraries that
quote what they were given. It lies around the streams and not around our log alone: the hub's
client, datasets and transformers bring log handlers of their own, and threads and warnings write
past every logger. `__main__` puts it there.
"""

import base64
import io
import json
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Any, TextIO
from urllib.parse import quote, unquote, urlsplit

from finetune_api.contract.environment import SECRET_VARIABLES

HIDDEN = "[hidden]"
MIN_SECRET_LENGTH = 6
"""Shorter values would take harmless words with them, and protect nothing."""
_SECRET_NAME = re.compile(
    r"(?:TOKEN|SECRET|PASSWORD|PASSWD|API_KEY|ACCESS_KEY|ACCESS_KEY_ID|PRIVATE_KEY)$", re.I
)
"""How variables are named that hold a secret, whoever put them into the pod."""
_USER_IN_ADDRESS = re.compile(r"(?<=://)[^/?#\s'\"]+@")
_SIGNED_QUERY = re.compile(r"\?[^\s'\"<>]*(?:[Ss]ignature|[Tt]oken|[Cc]redential)=[^\s'\"<>]*")
# A token may come out of a file of the hub's client, and then no variable tells it.
_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{16,}|(?<=[Bb]earer )[^\s'\"]{16,}")


class Redactor:
    """Knows the secrets of one process."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Take the values that nobody may see from the environment."""
        found = {form for secret in _find_secrets(variables) for form in _list_forms(secret)}
        # The longest first: one may hold another.
        secrets = sorted((f for f in found if len(f) >= MIN_SECRET_LENGTH), key=len, reverse=True)
        self._secrets = re.compile("|".join(map(re.escape, secrets)) or r"(?!)")

    def clean(self, text: str) -> str:
        """Give a text without secrets."""
        text = self._secrets.sub(HIDDEN, text)
        text = _USER_IN_ADDRESS.sub("", text)
        text = _TOKEN.sub(HIDDEN, text)
        return _SIGNED_QUERY.sub(f"?{HIDDEN}", text)

    def clean_values(self, value: Any) -> Any:
        """Give what JSON can hold, with every text in it cleaned."""
        match value:
            case str():
                return self.clean(value)
            case dict():
                return {name: self.clean_values(part) for name, part in value.items()}
            case list():
                return [self.clean_values(part) for part in value]
        return value


class RedactingStream(io.TextIOBase):
    """A stream of text that is cleaned line by line on its way to another one."""

    def __init__(self, target: TextIO, redactor: Redactor) -> None:
        self.target = target
        self._redactor = redactor
        self._held = ""
        self._lock = threading.RLock()

    def write(self, text: str) -> int:
        """Pass on all whole lines; the rest waits, for a secret may come in two pieces."""
        with self._lock:
            whole = self._held + text
            end = max(whole.rfind("\n"), whole.rfind("\r")) + 1
            self._held = whole[end:]
            if end:
                self.target.write(self._redactor.clean(whole[:end]))
        return len(text)

    def flush(self) -> None:
        """Pass on what waits."""
        with self._lock:
            held, self._held = self._held, ""
            if held:
                self.target.write(self._redactor.clean(held))
            self.target.flush()

    def fileno(self) -> int:
        """Give the descriptor, for those who write from native code."""
        return self.target.fileno()

    def isatty(self) -> bool:
        """Tell whether a person looks on."""
        return self.target.isatty()

    def writable(self) -> bool:
        """Take text."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]  # the base class has a plain attribute
        """The encoding of the target."""
        return self.target.encoding


def clean_streams(redactor: Redactor) -> None:
    """Clean all that this process writes from now on, to its end."""
    sys.stdout = _wrap(sys.stdout, redactor)
    sys.stderr = _wrap(sys.stderr, redactor)


def _wrap(stream: Any, redactor: Redactor) -> Any:
    return RedactingStream(getattr(stream, "target", stream), redactor)


def _find_secrets(variables: Mapping[str, str]) -> Iterator[str]:
    for name, value in variables.items():
        if name in SECRET_VARIABLES or _SECRET_NAME.search(name):
            yield value
        if "@" in value and ("://" in value or name.lower().endswith("_proxy")):
            yield from _find_password(value)


def _find_password(address: str) -> Iterator[str]:
    """Find what opens an address: `https://user:password@host`, or a token in the user's place."""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        user, password = parts.username or "", parts.password
    except ValueError:
        return
    yield password or user
    # As a client sends it, and shows it when it is asked to say everything.
    plain = f"{unquote(user)}:{unquote(password or '')}"
    yield base64.b64encode(plain.encode()).decode()


def _list_forms(secret: str) -> set[str]:
    """Give the ways in which libraries write a value down."""
    plain = unquote(secret)
    return {secret, plain, quote(plain, safe=""), json.dumps(plain)[1:-1], repr(plain)[1:-1]}
