import hashlib
from pathlib import Path

import pytest

from finetune_trainer.stores import buckets
from finetune_trainer.stores.buckets import choose_config, compute_etag


def never() -> bool:
    raise AssertionError("the machine is asked for its role")


def test_the_keys_of_a_secret_are_used() -> None:
    given = {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "token",
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": "https://store",
    }

    config = choose_config(given, never)

    assert config == {
        "access_key_id": "key",
        "secret_access_key": "secret",
        "session_token": "token",
        "region": "eu-central-1",
        "endpoint": "https://store",
    }


@pytest.mark.parametrize(
    "name",
    ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"],
)
def test_a_role_that_the_environment_names_is_used(name: str) -> None:
    assert "skip_signature" not in choose_config({name: "somewhere"}, never)


def test_without_keys_and_without_a_role_a_bucket_is_asked_as_a_stranger() -> None:
    assert choose_config({}, lambda: False) == {"region": "us-east-1", "skip_signature": True}


def test_the_role_of_a_machine_is_used() -> None:
    assert choose_config({}, lambda: True)["skip_signature"] is False


@pytest.mark.parametrize(
    ("content", "etag"),
    [
        pytest.param(b"", hashlib.md5(b"").hexdigest(), id="nothing"),
        pytest.param(b"abc", hashlib.md5(b"abc").hexdigest(), id="one piece"),
        pytest.param(
            b"abcdefg",
            hashlib.md5(hashlib.md5(b"abcd").digest() + hashlib.md5(b"efg").digest()).hexdigest()
            + "-2",
            id="two parts",
        ),
    ],
)
def test_the_etag_of_a_file_is_known_before_it_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, etag: str
) -> None:
    monkeypatch.setattr(buckets, "PART_BYTES", 4)
    path = tmp_path / "file"
    path.write_bytes(content)

    assert compute_etag(path) == etag
