"""Field types that several parts of the API share."""

from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field

Item = TypeVar("Item")


def _refuse_duplicates(items: list[Item]) -> list[Item]:
    repeated = [item for index, item in enumerate(items) if item in items[:index]]
    if repeated:
        raise ValueError(f"Duplicate value: {repeated[0]!r}; name it once")
    return items


UniqueList = Annotated[
    list[Item],
    AfterValidator(_refuse_duplicates),
    Field(json_schema_extra={"x-kubernetes-list-type": "set"}),
]
"""A list that names nothing twice; the API server says the same of lists of the type `set`."""

KubernetesName = Annotated[
    str,
    Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"),
]
"""The name of another object in the job's namespace."""

ColumnName = Annotated[str, Field(min_length=1, max_length=128)]
"""The name of a column of the data."""

LabelName = Annotated[str, Field(min_length=1, max_length=128)]
"""A class, as it is written in the data."""

LABEL_KEY_PATTERN = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"

LabelKey = Annotated[
    str,
    Field(
        min_length=1,
        max_length=317,
        pattern=LABEL_KEY_PATTERN,
    ),
]
"""A label key, with or without a prefix."""
