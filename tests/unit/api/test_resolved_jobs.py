"""Where output and checkpoints go, and what takes the place of job://."""

from typing import Any

import pytest

from finetune_api.contract.resolved_jobs import ResolvedJob, pin_model, resolve_job
from finetune_api.v1alpha1 import parse_job
from finetune_api.v1alpha1.status import Artifact
from manifests import build_manifest

UID = "6f1c1a52-0000-4000-8000-000000000001"
MINE = f"reviews-{UID[:18]}"
COMMIT = "c0ffee" + "0" * 34


def resolve(models: dict[str, str] | None = None, **changes: Any) -> ResolvedJob:
    dotted = {f"spec.{path.replace('__', '.')}": value for path, value in changes.items()}
    manifest = build_manifest({"metadata.uid": UID, **dotted})
    return resolve_job(parse_job(manifest), models=models or {})


@pytest.mark.parametrize(
    ("changes", "output", "checkpoints", "published"),
    [
        pytest.param(
            {}, "pvc://reviews/model", f"pvc://reviews/checkpoints/{MINE}", None, id="nowhere said"
        ),
        pytest.param(
            {"output": {"destination": "pvc://models/r/"}},
            "pvc://models/r",
            f"pvc://models/checkpoints/{MINE}",
            None,
            id="a claim",
        ),
        pytest.param(
            {"output": {"destination": "s3://team/r/"}},
            f"pvc://reviews-checkpoints/models/{MINE}",
            f"pvc://reviews-checkpoints/checkpoints/{MINE}",
            "s3://team/r",
            id="a bucket",
        ),
        pytest.param(
            {
                "output": {"destination": "s3://team/r"},
                "checkpoints": {"volume": {"claimName": "runs"}},
            },
            f"pvc://runs/models/{MINE}",
            f"pvc://runs/checkpoints/{MINE}",
            "s3://team/r",
            id="a bucket, with a claim for checkpoints",
        ),
    ],
)
def test_the_model_is_sealed_on_a_claim_and_published_from_there(
    changes: dict[str, Any], output: str, checkpoints: str, published: str | None
) -> None:
    job = resolve(**changes)

    assert (job.output_uri, job.checkpoints_uri) == (output, checkpoints)
    assert job.publish_uri == published


def test_the_model_of_another_job_takes_its_place_everywhere() -> None:
    job = resolve(
        {"job://domain": "pvc://models/domain"},
        model={"source": "job://domain"},
        evaluation={"gate": {"beatModel": "job://domain"}},
    )

    assert job.spec.model.source == "pvc://models/domain"
    assert job.spec.evaluation.gate is not None
    assert job.spec.evaluation.gate.beat_model == "pvc://models/domain"


def test_a_model_on_a_hub_is_held_to_the_commit_that_was_published() -> None:
    place = pin_model(Artifact(name="model", uri="hf://org/domain", revision=COMMIT))

    job = resolve({"job://domain": place}, model={"source": "job://domain"})

    assert (job.spec.model.source, job.spec.model.revision) == ("hf://org/domain", COMMIT)


def test_what_is_resolved_is_a_valid_job_again() -> None:
    """Credentials for a bucket that it was not are left out: the rules would refuse them."""
    job = resolve(
        {"job://domain": "pvc://models/domain"},
        model={"source": "job://domain", "credentialsSecretName": "store"},
        dataset={"train": {"source": "pvc://data/train.csv"}},
    )

    read = ResolvedJob.model_validate_json(job.model_dump_json(by_alias=True, exclude_none=True))

    assert read == job
    assert read.spec.model.credentials_secret_name is None


def test_the_hash_is_of_what_the_user_wrote() -> None:
    changes = {"model": {"source": "job://domain"}}

    assert (
        resolve(**changes).config_hash
        == resolve({"job://domain": "s3://a/b"}, **changes).config_hash
    )
