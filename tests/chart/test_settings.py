"""Every setting that the chart hands to the operator is one that the operator knows."""

from dataclasses import fields, replace

from chart_rendering import Values, read_environment, render
from finetune_operator.core.settings import Settings
from finetune_operator.runtime.settings import PREFIX, read_settings

# A value for everything that is left out while it is empty.
FILLED: Values = {
    "watch": {"scope": "namespaces", "namespaces": ["team-a", "team-b"]},
    "trainer": {
        "image": {"pullPolicy": "Always"},
        "allowedImagePrefixes": ["registry.example/", "mirror.example/"],
        "env": {"HF_ENDPOINT": "https://hub.example"},
        "claim": {"storageClassName": "fast"},
    },
    "progress": {"seconds": 2.5, "throughApiServer": True},
}
LEFT_TO_EXTRA_ENV = {
    "progress_timeout_seconds",
    "progress_port",
    "connections",
    "request_timeout_seconds",
    "sweep_seconds",
    "bind_address",
}


def test_the_chart_sets_what_a_platform_team_decides_and_nothing_unknown() -> None:
    known = {field.name for field in fields(Settings)}

    variables = read_environment(render(FILLED))

    shown = {name.removeprefix(PREFIX).lower() for name in variables}
    assert shown == known - LEFT_TO_EXTRA_ENV
    assert all(name.startswith(PREFIX) for name in variables)


def test_the_operator_reads_what_the_chart_writes() -> None:
    settings = read_settings([], read_environment(render(FILLED)))

    assert settings.namespaces == ("team-a", "team-b")
    assert settings.allowed_image_prefixes == ("registry.example/", "mirror.example/")
    assert settings.trainer_env == (("HF_ENDPOINT", "https://hub.example"),)
    assert settings.progress_seconds == 2.5
    assert settings.progress_through_api_server is True


def test_defaults_of_the_chart_are_those_of_the_operator() -> None:
    settings = read_settings([], read_environment(render()))

    # The image is the release's; the operator alone cannot know its registry.
    assert replace(settings, trainer_image=Settings().trainer_image) == Settings()
