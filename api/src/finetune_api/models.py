"""The base of every model: camelCase outside, strict inside, unknown fields refused.

Strict means: what the API server would refuse for its type ("3" for 3, 1 for true) is refused here
too, so that a job file behaves the same with and without a cluster.
"""

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from finetune_api.rules import Rule


class ApiModel(BaseModel):
    """A part of a FineTuneJob that a user writes.

    Attributes:
        rules: conditions between the fields of this part, enforced here and by the API server.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
    )

    rules: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _prune_nulls_that_have_a_default(cls, value: Any) -> Any:
        # The API server does the same: `field: null` reads as "not given" where a default exists.
        if not isinstance(value, dict):
            return value
        defaulted = {
            name
            for key, field in cls.model_fields.items()
            if not field.is_required() and field.get_default(call_default_factory=True) is not None
            for name in (key, field.alias)
        }
        return {k: v for k, v in value.items() if v is not None or k not in defaulted}

    @model_validator(mode="after")
    def _check_rules(self) -> Self:
        broken = [rule.describe_failure(self) for rule in self.rules if not rule.holds(self)]
        if broken:
            raise ValueError("; ".join(broken))
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Carry the rules into the JSON schema, where the CRD generator finds them."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        if cls.rules:
            schema["x-kubernetes-validations"] = [rule.to_cel() for rule in cls.rules]
        return schema


class ReportedModel(BaseModel):
    """What the operator or the trainer writes: read leniently, so that versions can mix."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        extra="ignore",
        frozen=True,
    )

    def to_json_dict(self) -> dict[str, Any]:
        """Give the JSON form without empty fields, as it goes into a status or a report."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
