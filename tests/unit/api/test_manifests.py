"""What is refused and accepted without a cluster; test_admission asks an API server the same."""

import pytest
from pydantic import ValidationError

from finetune_api.errors import describe_errors
from finetune_api.v1alpha1 import FineTuneJob, parse_job
from manifests import BAD_MANIFESTS, GOOD_MANIFESTS, BadManifest, build_manifest


@pytest.mark.parametrize("bad", BAD_MANIFESTS, ids=lambda bad: bad.name)
def test_a_bad_manifest_is_refused_with_field_value_and_fix(bad: BadManifest) -> None:
    with pytest.raises(ValidationError) as refusal:
        parse_job(build_manifest(bad.changes))

    message = "\n".join(describe_errors(refusal.value, FineTuneJob))

    assert bad.field in message
    assert [needle for needle in bad.says if needle not in message] == []


@pytest.mark.parametrize("name", GOOD_MANIFESTS)
def test_a_good_manifest_is_accepted(name: str) -> None:
    job = parse_job(build_manifest(GOOD_MANIFESTS[name]))

    assert job.metadata.name


def test_there_are_enough_of_them() -> None:
    assert len(BAD_MANIFESTS) >= 40
    assert len({bad.name for bad in BAD_MANIFESTS}) == len(BAD_MANIFESTS)


def test_an_unknown_field_gets_the_nearest_known_name() -> None:
    with pytest.raises(ValidationError) as refusal:
        parse_job(build_manifest({"spec.training": {"learningrate": 1e-5}}))

    assert describe_errors(refusal.value, FineTuneJob) == [
        "spec.training.learningrate: unknown field; did you mean learningRate?"
    ]


def test_a_quantity_of_the_wrong_type_is_one_error() -> None:
    with pytest.raises(ValidationError) as refusal:
        parse_job(build_manifest({"spec.resources": {"cpu": 1.5}}))

    assert describe_errors(refusal.value, FineTuneJob) == [
        "spec.resources.cpu: 1.5 is not a quantity; write for example 500m, 4 or 16Gi (got 1.5)"
    ]
