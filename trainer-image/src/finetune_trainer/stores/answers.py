"""What a bucket answered, in our errors: one ordered table, one row for each kind of answer.

The client's own errors carry the answer as text, with addresses and signed headers around it, so
only the status, the code and the message of the store are taken over. `buckets` is the only caller.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from finetune_trainer.errors import (
    AccessError,
    ConfigError,
    InternalError,
    NotFoundError,
    TrainerError,
    TransientError,
)

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([^<]{1,64})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,200})")
_NETWORK = re.compile(r"error sending request|timed out|timeout|connection|decoding response", re.I)
_TOKENS = frozenset({"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "XAdminUserNotFound"})
_BUSY = frozenset({"SlowDown", "RequestTimeout", "OperationAborted", "InternalError"})

ACCESS_HINT = (
    "check, in the Secret of model.credentialsSecretName, the keys AWS_ACCESS_KEY_ID,"
    " AWS_SECRET_ACCESS_KEY and, where they are needed, AWS_SESSION_TOKEN, AWS_REGION and"
    " AWS_ENDPOINT_URL, and what they may do with this bucket (a local run reads them from the"
    " environment)"
)
_REGION_HINT = "set AWS_REGION in the Secret of model.credentialsSecretName to the bucket's region"
_BUCKET_HINT = "check the name of the bucket, and AWS_ENDPOINT_URL where it is not one of AWS"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a store said.

    Attributes:
        status: the HTTP status; 0 when there was none.
        code: the store's own word for it.
        message: the store's sentence.
        kind: the class of the client's error.
        is_lost: whether the connection failed.
    """

    status: int
    code: str
    message: str
    kind: str
    is_lost: bool

    @property
    def text(self) -> str:
        """The answer, for people."""
        if not self.status:
            return "the object store cannot be reached" if self.is_lost else self.kind
        said = f": {self.message}" if self.message else ""
        return f"the object store answers {self.status} {self.code}".rstrip() + said


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of answer.

    Attributes:
        matches: tells whether an answer is of this kind.
        error: what it becomes.
        hint: what to do about it.
    """

    matches: Callable[[Answer], bool]
    error: type[TrainerError]
    hint: str | None = None


ROWS: tuple[Row, ...] = (
    Row(lambda a: a.code in _TOKENS or a.status in (401, 403), AccessError, ACCESS_HINT),
    Row(
        lambda a: a.kind in ("PermissionDeniedError", "UnauthenticatedError"),
        AccessError,
        ACCESS_HINT,
    ),
    Row(lambda a: a.code in ("NoSuchBucket", "InvalidBucketName"), NotFoundError, _BUCKET_HINT),
    Row(
        lambda a: a.status in (301, 307) or a.code == "AuthorizationHeaderMalformed",
        ConfigError,
        _REGION_HINT,
    ),
    # Changed between the list and the download: the next attempt compares it with the pins.
    Row(lambda a: a.status == 412, TransientError),
    Row(lambda a: a.status >= 500 or a.status == 429 or a.code in _BUSY, TransientError),
    Row(lambda a: a.status == 404, NotFoundError),
    Row(lambda a: a.is_lost and not a.status, TransientError),
)


def read_answer(error: BaseException) -> Answer:
    """Take the answer out of what the client raised."""
    text = str(error)
    status = _STATUS.search(text)
    return Answer(
        status=int(status[1]) if status else 0,
        code=_find(_CODE, text),
        message=_find(_MESSAGE, text),
        kind=type(error).__name__,
        is_lost=_NETWORK.search(text) is not None,
    )


def explain(error: BaseException, context: str) -> TrainerError:
    """Give the error of ours that an error of the client stands for.

    Args:
        error: what the client raised.
        context: what was being done, put before the message.
    """
    answer = read_answer(error)
    row = next((row for row in ROWS if row.matches(answer)), Row(lambda _: True, InternalError))
    return row.error(f"{context}: {answer.text}", hint=row.hint)


def _find(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1] if match else ""
