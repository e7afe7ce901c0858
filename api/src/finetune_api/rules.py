"""Rules between fields, written once and enforced twice: by pydantic and by the API server.

A schema can bound one field; what depends on several needs a rule. Each `Rule` holds the CEL
expression for the CustomResourceDefinition and the same predicate for Python side by side, and one
message for both, so that `kubectl apply` and a local run refuse the same job in the same words.
tests/unit/api and tests/integration/test_admission.py run one table of manifests through both.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_PLACEHOLDER = re.compile(r"\{([A-Za-z_.]+)\}")


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition that a valid object meets.

    Attributes:
        cel: the condition for the API server; `self` is the object that carries the rule.
        holds: the same condition for Python; it is given the validated model.
        message: what is wrong and how to mend it. `{path.to.field}` (names as in YAML) stands for
            the value the user gave; such a field must be set whenever the rule fails.
    """

    cel: str
    holds: Callable[[Any], bool]
    message: str

    def describe_failure(self, model: Any) -> str:
        """Fill the message with the values of `model`."""
        return _PLACEHOLDER.sub(lambda match: _show(look_up(model, match[1])), self.message)

    def to_cel(self) -> dict[str, str]:
        """Give the entry for x-kubernetes-validations; values make the message an expression."""
        validation = {"rule": self.cel}
        if _PLACEHOLDER.search(self.message):
            validation["messageExpression"] = _to_cel_format(self.message)
        else:
            validation["message"] = self.message
        return validation


def _to_cel_format(message: str) -> str:
    """Write the message as a format expression.

    `format` and not `+ string(…)`: the API server takes the length of string(number) for unbounded
    and refuses the whole definition for its cost. `dyn` lets values of several types be listed.
    """
    names = ", ".join(f"dyn(self.{name})" for name in _PLACEHOLDER.findall(message))
    text = "%s".join(part.replace("%", "%%") for part in _PLACEHOLDER.split(message)[::2])
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'.format([{names}])"


def look_up(model: Any, path: str) -> Any:
    """Give the value of a field by its path in YAML; None where a part of the path is unset."""
    for name in path.split("."):
        fields = type(model).model_fields
        attribute = next((key for key, field in fields.items() if field.alias == name), name)
        model = getattr(model, attribute)
        if model is None:
            return None
    return model


def _show(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value}"
