import logging

import pytest

from finetune_trainer.redactions import RedactingFormatter, Redactor

SECRETS = {"HF_TOKEN": "hf_canary", "AWS_SECRET_ACCESS_KEY": "canary/+key", "AWS_REGION": "here"}


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        pytest.param("the token hf_canary is wrong", "the token [hidden] is wrong", id="a token"),
        pytest.param("signed with canary/+key", "signed with [hidden]", id="a key of signs"),
        pytest.param("it is here", "it is here", id="what is no secret"),
        pytest.param(
            "cannot reach http://team:word@store:9000/b",
            "cannot reach http://store:9000/b",
            id="a password in an address",
        ),
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


def test_tracebacks_are_cleaned_too() -> None:
    formatter = RedactingFormatter("%(message)s", Redactor(SECRETS))
    try:
        raise ValueError("hf_canary")
    except ValueError as error:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "failed", (), None)
        record.exc_info = (type(error), error, error.__traceback__)

    line = formatter.format(record)

    assert "ValueError: [hidden]" in line
    assert "canary" not in line
