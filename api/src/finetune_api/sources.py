"""Where models and data come from and go to: the URIs of the API, read once, in one place.

`hf://org/name` is a hub, `pvc://claim/path` a volume claim in the job's namespace,
`s3://bucket/prefix` an object store, `configmap://name/key` a small file in the cluster,
`job://name` the model that another FineTuneJob made, and `file:///path` a place in the image (in a
local run: on this machine). The operator mounts what a source names, the trainer opens it, and both
must read the same string alike, so nobody else parses.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

SourceScheme = Literal["hf", "pvc", "s3", "configmap", "job", "file"]

MAX_URI_LENGTH = 512
MAX_CLAIM_NAME_LENGTH = 63

_CLAIM = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_BUCKET = r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9_.=@+-]*"  # starts with no dot: neither `..` nor hidden files
_PATTERNS: dict[SourceScheme, re.Pattern[str]] = {
    "hf": re.compile(rf"hf://(?P<name>{_SEGMENT}(/{_SEGMENT})?)"),
    "pvc": re.compile(rf"pvc://(?P<name>{_CLAIM})(?P<path>(/{_SEGMENT})*)/?"),
    "s3": re.compile(rf"s3://(?P<name>{_BUCKET})(?P<path>(/{_SEGMENT})+)/?"),
    "configmap": re.compile(rf"configmap://(?P<name>{_CLAIM})(?P<path>/{_SEGMENT})"),
    "job": re.compile(rf"job://(?P<name>{_CLAIM})"),
    "file": re.compile(rf"file://(?P<path>(/{_SEGMENT})+)/?"),
}
_FORMS: dict[SourceScheme, str] = {
    "hf": "hf://org/name",
    "pvc": "pvc://claim/path",
    "s3": "s3://bucket/path",
    "configmap": "configmap://name/key",
    "job": "job://other-finetunejob",
    "file": "file:///absolute/path",
}
MODEL_SCHEMES: tuple[SourceScheme, ...] = ("hf", "pvc", "s3", "job", "file")
DATA_SCHEMES: tuple[SourceScheme, ...] = ("hf", "pvc", "s3", "configmap", "file")

REMOTE_SCHEMES: tuple[SourceScheme, ...] = ("hf", "s3")
"""What is reached over the network, with credentials of the user; nothing of it is mounted."""
DESTINATION_SCHEMES: tuple[SourceScheme, ...] = ("pvc", "s3", "hf")

_HUB_NAME = r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_DESTINATIONS: tuple[re.Pattern[str], ...] = (
    # A model is put in place by a rename, which the root of a volume cannot do.
    re.compile(rf"pvc://{_CLAIM}(/{_SEGMENT})+/?"),
    _PATTERNS["s3"],
    # Whose it shall be has to be said: a hub would otherwise go by the token's owner.
    re.compile(rf"hf://{_HUB_NAME}/{_HUB_NAME}"),
)
_DESTINATION_PROBLEM = (
    "is not a destination; write pvc://claim/path, s3://bucket/path or hf://org/name"
)


@dataclass(frozen=True, slots=True)
class Source:
    """One place, taken apart.

    Attributes:
        scheme: what kind of place.
        name: the repository of a hub (`org/name`), the claim, bucket, ConfigMap or job; empty for
            `file`.
        path: the path inside claim or bucket or the key of a ConfigMap, without a leading slash, or
            the absolute path of a file.
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
    raise ValueError(f"{uri!r} is not a source; {_list_forms(*_PATTERNS)}")


def _list_forms(*schemes: SourceScheme) -> str:
    forms = [_FORMS[scheme] for scheme in schemes]
    return f"write {', '.join(forms[:-1])} or {forms[-1]} (no '..', no hidden files)"


def _check_scheme(*schemes: SourceScheme) -> Callable[[str], str]:
    def check(uri: str) -> str:
        if not any(_PATTERNS[scheme].fullmatch(uri) for scheme in schemes):
            raise ValueError(f"{uri!r} is not a source; {_list_forms(*schemes)}")
        return uri

    return check


def _check_destination(uri: str) -> str:
    if not any(pattern.fullmatch(uri) for pattern in _DESTINATIONS):
        raise ValueError(f"{uri!r} {_DESTINATION_PROBLEM}")
    return uri


def is_remote(uri: str) -> bool:
    """Tell whether a source or destination is reached over the network."""
    return uri.split("://", 1)[0] in REMOTE_SCHEMES


def _cel_pattern(*patterns: re.Pattern[str]) -> str:
    """Join patterns into one that RE2, the API server's engine, understands."""
    joined = "|".join(pattern.pattern for pattern in patterns)
    return "^(" + re.sub(r"\(\?P<\w+>", "(", joined) + ")$"


def _uri_field(patterns: tuple[re.Pattern[str], ...], problem: str) -> Any:
    """Bound a URI; the message shows the value, which a pattern in a schema does not do well."""
    escaped = problem.replace("'", "\\'")
    message = f"'\\'' + self + '\\' {escaped}'"
    rule = {"rule": f"self.matches(r'{_cel_pattern(*patterns)}')", "messageExpression": message}
    extra: dict[str, Any] = {"x-kubernetes-validations": [rule]}
    return Field(min_length=6, max_length=MAX_URI_LENGTH, json_schema_extra=extra)


def _source_field(*schemes: SourceScheme) -> Any:
    patterns = tuple(_PATTERNS[scheme] for scheme in schemes)
    return _uri_field(patterns, f"is not a source; {_list_forms(*schemes)}")


ModelUri = Annotated[
    str, _source_field(*MODEL_SCHEMES), AfterValidator(_check_scheme(*MODEL_SCHEMES))
]
"""Where a pre-trained model lies."""

DataUri = Annotated[str, _source_field(*DATA_SCHEMES), AfterValidator(_check_scheme(*DATA_SCHEMES))]
"""Where data lies."""

DestinationUri = Annotated[
    str,
    _uri_field(_DESTINATIONS, _DESTINATION_PROBLEM),
    AfterValidator(_check_destination),
]
"""Where a model goes."""
