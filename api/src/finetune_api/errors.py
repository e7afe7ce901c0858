"""Puts validation errors in words: the field as typed, the value, what is wrong and the fix."""

import difflib
from typing import Any

from pydantic import BaseModel, ValidationError

_MAX_SHOWN = 80


def describe_errors(error: ValidationError, model: type[BaseModel] | None = None) -> list[str]:
    """Give one line for each thing that is wrong, `spec.training.epochs: … (got 0)`.

    Args:
        error: what pydantic raised.
        model: the model that was validated; with it an unknown field gets the nearest known name.
    """
    return [_describe(dict(item), model) for item in error.errors()]


def _describe(item: dict[str, Any], model: type[BaseModel] | None) -> str:
    path = _format_path(item["loc"])
    value = item.get("input")
    match item["type"]:
        case "extra_forbidden":
            return f"{path}: unknown field{_suggest(item['loc'], model)}"
        case "missing":
            return f"{path}: is required"
        case "value_error":
            text = str(item["ctx"]["error"])
        case "string_pattern_mismatch":
            text = f"must match {item['ctx']['pattern']}"
        case _:
            text = item["msg"][0].lower() + item["msg"][1:]
    shown = "" if isinstance(value, dict | list | BaseModel) else f" (got {_show(value)})"
    return f"{path}: {text}{shown}" if path else text


def _format_path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"


def _suggest(location: tuple[int | str, ...], model: type[BaseModel] | None) -> str:
    known = _list_fields(location[:-1], model)
    nearest = difflib.get_close_matches(str(location[-1]), known, n=1)
    if nearest:
        return f"; did you mean {nearest[0]}?"
    return f"; known are {', '.join(sorted(known))}" if known else ""


def _list_fields(location: tuple[int | str, ...], model: type[BaseModel] | None) -> list[str]:
    for part in location:
        if model is None or isinstance(part, int):
            continue
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        model = _find_model(fields[part].annotation) if part in fields else None
    return [] if model is None else [f.alias or n for n, f in model.model_fields.items()]


def _find_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if found := _find_model(argument):
            return found
    return None
