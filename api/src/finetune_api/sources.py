"""Where models and data come from and go to: the URIs of the API, read once, in one place.

`hf://org/name` is a hub, `pvc://claim/path` a volume claim in the job's namespace, and
`file:///path` a place in the image (in a local run: on this machine). The operator mounts what a
source names, the trainer opens it, and both must read the same string alike, so nobody else parses.
"""

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from finetune_api.rules import Rule

SourceScheme = Literal["hf", "pvc", "file"]

MAX_URI_LENGTH = 512
MAX_CLAIM_NAME_LENGTH = 63

_CLAIM = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9_.=@+-]*"  # starts with no dot: neither `..` nor hidden files
_PATTERNS: dict[SourceScheme, re.Pattern[str]] = {
    "hf": re.compile(rf"hf://(?P<name>{_SEGMENT}(/{_SEGMENT})?)"),
    "pvc": re.compile(rf"pvc://(?P<name>{_CLAIM})(?P<path>(/{_SEGMENT})*)/?"),
    "file": re.compile(rf"file://(?P<path>(/{_SEGMENT})+)/?"),
}

# A model is put in place by a rename, which the root of a volume cannot do.
_DESTINATION = re.compile(rf"pvc://{_CLAIM}(/{_SEGMENT})+/?")


@dataclass(frozen=True, slots=True)
class Source:
    """One place, taken apart.

    Attributes:
        scheme: what kind of place.
        name: the repository of a hub (`org/name`) or the claim of a volume; empty for `file`.
        path: the path inside the claim, without a leading slash, or the absolute path of a file.
    """

    scheme: SourceScheme
    name: str
    path: str

    @property
    def uri(self) -> str:
        """The source as the user writes it."""
        if self.scheme == "file":
            return f"file://{self.path}"
        return f"{self.scheme}://{self.name}" + (f"/{self.path}" if self.path else "")


def parse_source(uri: str) -> Source:
    """Take a source apart.

    Raises:
        ValueError: the text follows none of the known forms; the message lists them.
    """
    for scheme, pattern in _PATTERNS.items():
        if match := pattern.fullmatch(uri):
            groups = match.groupdict()
            path = groups.get("path") or ""
            return Source(
                scheme=scheme,
                name=groups.get("name") or "",
                path=path if scheme == "file" else path.strip("/"),
            )
    raise ValueError(
        f"{uri!r} is not a source; write hf://org/name, pvc://claim/path or file:///absolute/path "
        "(no '..', no hidden files)"
    )


def _check_source(uri: str) -> str:
    parse_source(uri)
    return uri


def _check_destination(uri: str) -> str:
    if not _DESTINATION.fullmatch(uri):
        raise ValueError(f"{uri!r} is not a destination; write pvc://claim/path")
    return uri


def _cel_pattern(*patterns: re.Pattern[str]) -> str:
    """Join patterns into one that RE2, the API server's engine, understands."""
    joined = "|".join(pattern.pattern for pattern in patterns)
    return "^(" + re.sub(r"\(\?P<\w+>", "(", joined) + ")$"


def _with_rule(cel: str, message: str) -> dict[str, list[dict[str, str]]]:
    rule = Rule(cel=cel, holds=lambda _: True, message=message)
    return {"x-kubernetes-validations": [rule.to_cel() | _message_with_value(message)]}


def _message_with_value(message: str) -> dict[str, str]:
    return {"messageExpression": f"'\\'' + self + '\\' {message}'"}


SourceUri = Annotated[
    str,
    Field(
        min_length=6,
        max_length=MAX_URI_LENGTH,
        json_schema_extra=_with_rule(
            f"self.matches(r'{_cel_pattern(*_PATTERNS.values())}')",
            "is not a source; write hf://org/name, pvc://claim/path or file:///absolute/path",
        ),
    ),
    AfterValidator(_check_source),
]

DestinationUri = Annotated[
    str,
    Field(
        min_length=6,
        max_length=MAX_URI_LENGTH,
        json_schema_extra=_with_rule(
            f"self.matches(r'{_cel_pattern(_DESTINATION)}')",
            "is not a destination; write pvc://claim/path",
        ),
    ),
    AfterValidator(_check_destination),
]
