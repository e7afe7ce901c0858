"""Reads the settings: defaults, then the environment (FINETUNE_OPERATOR_*), then flags."""

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import Field, fields
from typing import Any

from finetune_api.contract.environment import SECRET_VARIABLES
from finetune_operator.core.settings import Settings

PREFIX = "FINETUNE_OPERATOR_"
_USER_IN_ADDRESS = re.compile(r"://[^/?#\s]*@")
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no", "")


class SettingsError(ValueError):
    """A setting that does not read; the message names it, its value and what it should be."""


def read_settings(arguments: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Give the settings.

    Raises:
        SettingsError: a value does not read.
    """
    flags = vars(_build_parser().parse_args(arguments))
    given: dict[str, Any] = {}
    for item in fields(Settings):
        variable = PREFIX + item.name.upper()
        if flags[item.name] is not None:
            given[item.name] = _parse(item, flags[item.name], name_flag(item.name))
        elif variable in environ:
            given[item.name] = _parse(item, environ[variable], variable)
    return Settings(**given)


def name_flag(name: str) -> str:
    """Give the flag of a setting."""
    return "--" + name.replace("_", "-")


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="finetune-operator",
        description="Watches FineTuneJobs, launches their training pods, reports their fate.",
        epilog=f"Every flag is an environment variable too: --log-level is {PREFIX}LOG_LEVEL.",
    )
    for item in fields(Settings):
        parser.add_argument(
            name_flag(item.name),
            dest=item.name,
            metavar="VALUE",
            help=f"{item.metadata['description']} Default: {_show(item.default)}.",
        )
    return parser


def _show(value: Any) -> str:
    if isinstance(value, tuple):
        return "none"
    text = str(value) or "empty"
    return text.replace("%", "%%")


def _parse(item: Field[Any], text: str, source: str) -> Any:
    default = item.default
    try:
        if isinstance(default, bool):
            return _parse_flag(text)
        if isinstance(default, int | float):
            return _parse_number(text, type(default))
        if item.name == "trainer_env":
            pairs = tuple(_parse_pair(part) for part in _split(text))
            _refuse_secrets(pairs, source)
            return pairs
        return _split(text) if isinstance(default, tuple) else text
    except SettingsError:
        raise
    except ValueError as error:
        raise SettingsError(f"{source} is {text!r}: {error}") from error


def _refuse_secrets(pairs: Sequence[tuple[str, str]], source: str) -> None:
    """Refuse what would stand in every Job for all to read; the value is not repeated.

    Raises:
        SettingsError: a variable holds a secret, or an address with a password.
    """
    for name, value in pairs:
        if name in SECRET_VARIABLES or _USER_IN_ADDRESS.search(value):
            raise SettingsError(
                f"{source} gives {name} a secret, which every Job would show: put tokens and keys"
                " into the Secret that jobs name in model.credentialsSecretName, and no passwords"
                " into addresses"
            )


def _parse_flag(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError("write true or false")


def _parse_number(text: str, kind: type[int] | type[float]) -> float:
    value = kind(text)
    if value < 0:
        raise ValueError("must not be negative")
    return value


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _parse_pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise ValueError("write NAME=value,OTHER=value")
    return name, value
