import math
from typing import Any

import pytest

from kubectl_finetune.documents import read_documents, read_plain_scalar
from kubectl_finetune.errors import ManifestError

# What `kubectl annotate --local -o json` printed for each of these (kubectl 1.34).
KUBECTL_SENDS: dict[str, Any] = {
    "2e-5": 0.00002,
    "2E-5": 0.00002,
    "1e3": 1000,
    "3.0": 3,
    "3.": 3,
    ".5": 0.5,
    "+1": 1,
    "010": 8,
    "0o10": 8,
    "08": 8,
    "0x1F": 31,
    "0b101": 5,
    "1_000": 1000,
    "yes": True,
    "No": False,
    "on": True,
    "y": True,
    "N": False,
    "~": None,
    "null": None,
    "Null": None,
    "2020-01-01": "2020-01-01",
    "1:30": "1:30",
    "1e400": "1e400",
    "-0.0": 0,
    "1.5e2": 150,
    "16Gi": "16Gi",
    "hf://a/b": "hf://a/b",
}


@pytest.mark.parametrize(("text", "value"), KUBECTL_SENDS.items(), ids=KUBECTL_SENDS.keys())
def test_a_plain_scalar_is_what_kubectl_sends(text: str, value: Any) -> None:
    read = read_plain_scalar(text)

    assert (read, type(read)) == (value, type(value))


def test_what_is_no_number_for_json_stays_one_for_the_check_to_refuse() -> None:
    assert math.isnan(read_plain_scalar(".nan"))
    assert read_plain_scalar("-.inf") == -math.inf


@pytest.mark.parametrize(
    ("yaml", "value"),
    [
        pytest.param('a: "3"', {"a": "3"}, id="quotes make text"),
        pytest.param("a: 'yes'", {"a": "yes"}, id="single quotes too"),
        pytest.param("a: !!str 3", {"a": "3"}, id="a tag makes text"),
        pytest.param('a: !!int "3"', {"a": 3}, id="a tag makes a number"),
        pytest.param("a: |\n  3\n", {"a": "3\n"}, id="a block is text"),
        pytest.param("on: 1\n2: x", {"true": 1, "2": "x"}, id="keys become text"),
        pytest.param("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}, id="an anchor is used"),
        pytest.param(
            "a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}",
            {"a": {"b": 1, "c": 2}, "d": {"b": 3, "c": 2}},
            id="a merge gives way to what is written",
        ),
        pytest.param("a:", {"a": None}, id="nothing is null"),
        pytest.param('{"a": [1, 2.5]}', {"a": [1, 2.5]}, id="JSON is YAML"),
    ],
)
def test_documents_are_read_as_json_values(yaml: str, value: Any) -> None:
    assert read_documents(yaml, "job.yaml")[0].value == value


def test_every_field_knows_its_line() -> None:
    document = read_documents("a: 1\nb:\n  c:\n  - 1\n  - d: 2\n", "job.yaml")[0]

    assert document.find_line(("b", "c", 1, "d")) == 5


def test_a_missing_field_is_found_at_the_part_that_lacks_it() -> None:
    document = read_documents("a: 1\nb:\n  c: 1\n", "job.yaml")[0]

    assert document.find_line(("b", "missing", "deeper")) == 2


def test_empty_documents_are_left_out() -> None:
    assert len(read_documents("---\n---\na: 1\n---\nb: 2\n", "job.yaml")) == 2


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        pytest.param("a: 1\nb: 2\na: 3", "job.yaml:3: the key 'a' is given twice", id="twice"),
        pytest.param("a: 1\n b: 2", "job.yaml:2: mapping values are not allowed", id="indent"),
        pytest.param("a: *x", "job.yaml:1: found undefined alias", id="an unknown anchor"),
        pytest.param("a: !env HOME", "job.yaml:1: the tag !env means nothing", id="a strange tag"),
        pytest.param("a: {<<: 3}", "job.yaml:1: << merges mappings only", id="a merged number"),
        pytest.param("[a]: 1", "job.yaml:1: a key must be a plain word", id="a list as key"),
        pytest.param("&a [*a]", "nested more than 64 deep", id="an anchor that holds itself"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(yaml: str, message: str) -> None:
    with pytest.raises(ManifestError) as raised:
        read_documents(yaml, "job.yaml")

    assert message in str(raised.value)
