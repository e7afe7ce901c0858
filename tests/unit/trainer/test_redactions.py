import io
import logging
import sys

import pytest

from finetune_trainer.redactions import RedactingStream, Redactor, clean_streams

SECRETS = {
    "HF_TOKEN": "hf_canary",
    "AWS_SECRET_ACCESS_KEY": "canary/+key",
    "AWS_REGION": "here",
    "WANDB_API_KEY": "not-of-ours",
    "HTTPS_PROXY": "http://team:p%40ssword@proxy:3128",
    "all_proxy": "team:other-word@proxy:3128",
    "HF_TOKEN_PATH": "/secrets/token",
}


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        pytest.param("the token hf_canary is wrong", "the token [hidden] is wrong", id="a token"),
        pytest.param("signed with canary/+key", "signed with [hidden]", id="a key of signs"),
        pytest.param("key=canary%2F%2Bkey", "key=[hidden]", id="a key as an address has it"),
        pytest.param("of not-of-ours", "of [hidden]", id="a variable that is named like a secret"),
        pytest.param("it is here", "it is here", id="what is no secret"),
        pytest.param("see /secrets/token", "see /secrets/token", id="where a secret lies"),
        pytest.param("login with p@ssword", "login with [hidden]", id="a password of an address"),
        pytest.param("with other-word", "with [hidden]", id="a password of a proxy by its name"),
        pytest.param(
            "Basic dGVhbTpwQHNzd29yZA==", "Basic [hidden]", id="a password as a client sends it"
        ),
        pytest.param(
            "cannot reach http://team:w@rd@store:9000/b",
            "cannot reach http://store:9000/b",
            id="a password in an address",
        ),
        pytest.param(
            "mail http://store/a?b=me@here", "mail http://store/a?b=me@here", id="a sign elsewhere"
        ),
        pytest.param("found hf_AbCdEfGh12345678", "found [hidden]", id="a token of a file"),
        pytest.param("Bearer abcdefgh-12345678", "Bearer [hidden]", id="a token of anybody"),
        pytest.param(
            "GET https://s/b?X-Amz-Credential=a&X-Amz-Signature=b failed",
            "GET https://s/b?[hidden] failed",
            id="a signed address",
        ),
        pytest.param(
            "GET https://s/b?list-type=2", "GET https://s/b?list-type=2", id="a plain address"
        ),
    ],
)
def test_secrets_are_taken_out(text: str, cleaned: str) -> None:
    assert Redactor(SECRETS).clean(text) == cleaned


def test_a_process_without_secrets_says_everything() -> None:
    assert Redactor({"HF_TOKEN": ""}).clean("all of it") == "all of it"


def test_every_text_of_a_report_is_cleaned() -> None:
    report = {"message": "hf_canary", "warnings": ["canary/+key"], "step": 3, "hint": None}

    cleaned = Redactor(SECRETS).clean_values(report)

    assert cleaned == {"message": "[hidden]", "warnings": ["[hidden]"], "step": 3, "hint": None}


def test_a_secret_that_is_written_in_pieces_is_found() -> None:
    target = io.StringIO()
    stream = RedactingStream(target, Redactor(SECRETS))

    print("hf_", "canary", sep="", file=stream)
    stream.write("rest")
    stream.flush()

    assert target.getvalue() == "[hidden]\nrest"


def test_what_is_logged_is_cleaned_with_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by a handler that somebody else has made, as libraries do."""
    target = io.StringIO()
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", target)
    clean_streams(Redactor(SECRETS))
    logger = logging.Logger("library")
    logger.addHandler(logging.StreamHandler())
    try:
        raise ValueError("hf_canary")
    except ValueError:
        logger.exception("failed")

    assert "ValueError: [hidden]" in target.getvalue()
    assert "canary" not in target.getvalue()


def test_streams_are_wrapped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    target = io.StringIO()
    monkeypatch.setattr(sys, "stdout", target)
    monkeypatch.setattr(sys, "stderr", target)

    clean_streams(Redactor({}))
    clean_streams(Redactor(SECRETS))

    assert isinstance(sys.stderr, RedactingStream)
    assert sys.stderr.target is target
