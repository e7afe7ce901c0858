"""Answers of the API server become errors that say what to do."""

import json

import pytest

from finetune_operator.cluster.errors import (
    AlreadyExistsError,
    ClusterError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TooManyRequestsError,
    UnavailableError,
    build_error,
)


def body(reason: str = "", message: str = "why") -> bytes:
    return json.dumps({"kind": "Status", "reason": reason, "message": message}).encode()


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        pytest.param(409, "AlreadyExists", AlreadyExistsError, id="a taken name"),
        pytest.param(409, "Conflict", ConflictError, id="an old version"),
        pytest.param(404, "NotFound", NotFoundError, id="nothing there"),
        pytest.param(403, "Forbidden", ForbiddenError, id="no right"),
        pytest.param(422, "Invalid", InvalidError, id="a wrong field"),
        pytest.param(400, "BadRequest", InvalidError, id="nonsense"),
        pytest.param(401, "Unauthorized", UnavailableError, id="a token that just expired"),
        pytest.param(429, "TooManyRequests", TooManyRequestsError, id="a busy server"),
        pytest.param(503, "", UnavailableError, id="an outage"),
        pytest.param(418, "", ClusterError, id="something else"),
    ],
)
def test_answers_become_errors(status: int, reason: str, kind: type[ClusterError]) -> None:
    error = build_error(status, body(reason), {})

    assert type(error) is kind
    assert str(error) == "why"


def test_the_servers_wish_for_a_pause_is_kept() -> None:
    assert build_error(429, body(), {"Retry-After": "30"}).retry_after_seconds == 30


def test_an_answer_that_is_no_json_is_shown_as_it_is() -> None:
    assert str(build_error(502, b"<html>bad gateway", {})) == "<html>bad gateway"


def test_a_used_up_quota_is_told_from_a_missing_right() -> None:
    used_up = build_error(403, body("Forbidden", "exceeded quota: gpus"), {})

    assert isinstance(used_up, ForbiddenError)
    assert used_up.is_quota
