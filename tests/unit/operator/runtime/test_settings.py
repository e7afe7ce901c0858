"""Settings come from defaults, the environment and flags, in this order."""

from dataclasses import fields

import pytest

from finetune_operator.core.settings import Settings
from finetune_operator.runtime.settings import SettingsError, read_settings


def test_without_a_word_the_defaults_hold() -> None:
    assert read_settings([], {}) == Settings()


def test_the_environment_overrides_defaults_and_flags_override_it() -> None:
    environ = {"FINETUNE_OPERATOR_WORKERS": "8", "FINETUNE_OPERATOR_LOG_LEVEL": "DEBUG"}

    settings = read_settings(["--workers", "4"], environ)

    assert (settings.workers, settings.log_level) == (4, "DEBUG")


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        pytest.param("NAMESPACES", "a, b", "namespaces", ("a", "b"), id="a list"),
        pytest.param(
            "TRAINER_ENV", "A=1,B=x=y", "trainer_env", (("A", "1"), ("B", "x=y")), id="pairs"
        ),
        pytest.param("PROGRESS_SECONDS", "0.5", "progress_seconds", 0.5, id="a fraction"),
        pytest.param(
            "PROGRESS_THROUGH_API_SERVER",
            "true",
            "progress_through_api_server",
            True,
            id="yes",
        ),
    ],
)
def test_values_are_read_by_their_kind(variable: str, text: str, name: str, value: object) -> None:
    settings = read_settings([], {f"FINETUNE_OPERATOR_{variable}": text})

    assert getattr(settings, name) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [("WORKERS", "many"), ("WORKERS", "-1"), ("TRAINER_ENV", "A"), ("METRICS_PORT", "8e3")],
)
def test_what_does_not_read_is_refused_by_name_and_value(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=rf"FINETUNE_OPERATOR_{name} is '{text}'"):
        read_settings([], {f"FINETUNE_OPERATOR_{name}": text})


@pytest.mark.parametrize(
    ("text", "name"),
    [
        pytest.param("A=1,HF_TOKEN=hf_canary", "HF_TOKEN", id="a token"),
        pytest.param("AWS_SECRET_ACCESS_KEY=canary", "AWS_SECRET_ACCESS_KEY", id="a key"),
        pytest.param(
            "HTTPS_PROXY=http://team:canary@proxy:3128", "HTTPS_PROXY", id="a proxy's password"
        ),
    ],
)
def test_a_secret_for_every_pod_is_refused_without_being_repeated(text: str, name: str) -> None:
    with pytest.raises(SettingsError, match=f"TRAINER_ENV gives {name} a secret") as refused:
        read_settings([], {"FINETUNE_OPERATOR_TRAINER_ENV": text})

    assert "canary" not in str(refused.value)


def test_every_setting_says_what_it_does() -> None:
    silent = [f.name for f in fields(Settings) if len(f.metadata["description"]) < 10]

    assert silent == []
