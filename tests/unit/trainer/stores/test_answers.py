import pytest

from finetune_trainer.errors import (
    AccessError,
    ConfigError,
    InternalError,
    NotFoundError,
    TrainerError,
    TransientError,
)
from finetune_trainer.stores.answers import explain


class GenericError(Exception):
    """Named as the client names what it has no class for."""


class PermissionDeniedError(Exception):
    """Named as the client names a 403."""


def an_answer(status: int, code: str = "", message: str = "") -> str:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>" if code else ""
    address = "http://team:canary@store:9000/models?X-Amz-Signature=canary"
    return f"Generic S3 error: Error performing GET {address} - status code: {status} Word: {body}"


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        pytest.param(
            an_answer(403, "AccessDenied", "No."), AccessError, "403 AccessDenied: No.", id="denied"
        ),
        pytest.param(an_answer(401), AccessError, "answers 401", id="not signed in"),
        pytest.param(
            an_answer(400, "ExpiredToken"), AccessError, "400 ExpiredToken", id="an old token"
        ),
        pytest.param(
            an_answer(404, "NoSuchBucket"), NotFoundError, "404 NoSuchBucket", id="no bucket"
        ),
        pytest.param(an_answer(404, "NoSuchKey"), NotFoundError, "404 NoSuchKey", id="no object"),
        pytest.param(an_answer(301, "PermanentRedirect"), ConfigError, "301", id="another region"),
        pytest.param(
            an_answer(412, "PreconditionFailed"), TransientError, "412", id="changed meanwhile"
        ),
        pytest.param(an_answer(503, "SlowDown"), TransientError, "503 SlowDown", id="busy"),
        pytest.param(
            an_answer(400, "RequestTimeout"), TransientError, "RequestTimeout", id="a slow sender"
        ),
        pytest.param(
            "error sending request for url", TransientError, "cannot be reached", id="no network"
        ),
        pytest.param("a riddle", InternalError, "GenericError", id="what nobody knows"),
    ],
)
def test_an_answer_becomes_an_error_of_ours(
    text: str, error: type[TrainerError], says: str
) -> None:
    found = explain(GenericError(text), "model.source s3://models/bert")

    assert type(found) is error
    assert str(found).startswith("model.source s3://models/bert: ")
    assert says in str(found)
    assert "canary" not in str(found)


def test_an_answer_without_a_body_goes_by_its_class() -> None:
    found = explain(PermissionDeniedError("refused"), "model.source s3://models/bert")

    assert isinstance(found, AccessError)
    assert "AWS_ACCESS_KEY_ID" in (found.hint or "")
