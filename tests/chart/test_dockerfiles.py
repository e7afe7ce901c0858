"""The images are built from what was locked, and run as nobody in particular."""

import pytest

from chart_dockerfiles import find_faults, parse_stages, read_stages
from chart_rendering import ROOT

GOOD = """\
# syntax=docker/dockerfile:1
FROM python:3.12-slim AS build
COPY requirements.txt .
RUN pip install --require-hashes --no-cache-dir \\
    -r requirements.txt \\
    && pip install --no-deps ./api
FROM python:3.12-slim
COPY --from=build /venv /venv
USER 1000:1000
ENTRYPOINT ["python", "-m", "it"]
"""


@pytest.mark.parametrize("image", ["operator", "trainer-image"])
def test_an_image_is_built_as_it_should_be(image: str) -> None:
    assert find_faults(read_stages(ROOT / image / "Dockerfile")) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GOOD, id="a release by name"),
        pytest.param(
            "ARG BASE=python:3.12\n" + GOOD.replace("python:3.12-slim", "${BASE}-slim"),
            id="a release by argument",
        ),
        pytest.param(
            GOOD.replace("python:3.12-slim\nCOPY --from", "build\nCOPY --from"),
            id="a stage from another",
        ),
    ],
)
def test_a_good_file_has_no_fault(text: str) -> None:
    assert find_faults(parse_stages(text)) == []


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        pytest.param("USER 1000:1000\n", "", "USER is missing", id="root by default"),
        pytest.param("USER 1000:1000", "USER root", "USER is root", id="root by name"),
        pytest.param("USER 1000:1000", "USER app", "USER is app", id="a name is no proof"),
        pytest.param("USER 1000:1000", "USER 0", "USER is 0", id="root by number"),
        pytest.param(
            "FROM python:3.12-slim\n", "FROM python\n", "FROM python:", id="no tag is latest"
        ),
        pytest.param(
            "python:3.12-slim AS", "python:latest AS", "FROM python:latest", id="a tag that moves"
        ),
        pytest.param(
            '["python", "-m", "it"]', "python -m it", "ENTRYPOINT", id="a shell takes the signals"
        ),
        pytest.param("--require-hashes ", "", "--require-hashes", id="nothing is locked"),
        pytest.param("--no-deps ", "", "pip install ./api", id="our package draws in others"),
        pytest.param(
            "COPY requirements.txt .", "ADD https://x/y .", "ADD https://x/y", id="a download"
        ),
    ],
)
def test_a_fault_is_named(before: str, after: str, fault: str) -> None:
    assert before in GOOD

    (found,) = find_faults(parse_stages(GOOD.replace(before, after)))

    assert fault in found
