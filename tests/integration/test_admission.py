"""What a real API server says to the tables of good and bad jobs, and to changes of stored ones."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

from devcluster.control_plane import ControlPlane
from devcluster.errors import CommandError
from finetune_api.v1alpha1 import GROUP, PLURAL, VERSION
from manifests import BAD_MANIFESTS, GOOD_MANIFESTS, BadManifest, build_manifest
from polling import poll

Manifest = dict[str, Any]


@pytest.fixture(scope="session")
def objects(control_plane: ControlPlane, crd: None) -> client.CustomObjectsApi:
    return client.CustomObjectsApi(config.new_client_from_config(str(control_plane.kubeconfig)))


@pytest.fixture
def create(objects: client.CustomObjectsApi, namespace: str) -> Callable[..., Manifest]:
    def create_job(manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        manifest["metadata"]["namespace"] = namespace
        created: Manifest = objects.create_namespaced_custom_object(
            GROUP, VERSION, namespace, PLURAL, manifest,
            field_validation="Strict", **({"dry_run": "All"} if dry_run else {}),
        )  # fmt: skip
        return created

    return create_job


def read_message(refusal: ApiException) -> str:
    return str(json.loads(refusal.body)["message"])


@pytest.mark.parametrize("bad", BAD_MANIFESTS, ids=lambda bad: bad.name)
def test_a_bad_manifest_is_refused_with_field_value_and_fix(
    create: Callable[..., Manifest], bad: BadManifest
) -> None:
    with pytest.raises(ApiException) as refusal:
        create(build_manifest(bad.changes), dry_run=True)

    assert refusal.value.status in (400, 422)
    message = read_message(refusal.value)
    assert bad.field in message
    assert [needle for needle in bad.says if needle not in message] == []


@pytest.mark.parametrize("name", GOOD_MANIFESTS)
def test_a_good_manifest_is_accepted(create: Callable[..., Manifest], name: str) -> None:
    stored = create(build_manifest(GOOD_MANIFESTS[name]), dry_run=True)

    assert stored["spec"]["training"]["batchSize"] == 16


def patch(objects: client.CustomObjectsApi, stored: Manifest, spec: Manifest) -> Manifest:
    meta = stored["metadata"]
    patched: Manifest = objects.patch_namespaced_custom_object(
        GROUP, VERSION, meta["namespace"], PLURAL, meta["name"], {"spec": spec}
    )
    return patched


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        pytest.param({"training": {"epochs": 5}}, "spec.training", id="an optional field is added"),
        pytest.param({"training": {"seed": 1}}, "spec.training", id="a value changes"),
        pytest.param({"model": {"source": "hf://a/b"}}, "spec.model", id="the model changes"),
        pytest.param(
            {"activeDeadlineSeconds": 60}, "spec.activeDeadlineSeconds", id="a limit is added"
        ),
        pytest.param(
            {"dataset": {"test": {"fraction": 0.1}}}, "spec.dataset", id="a test is added"
        ),
    ],
)
def test_what_was_trained_cannot_be_changed_afterwards(
    objects: client.CustomObjectsApi, create: Callable[..., Manifest], spec: Manifest, field: str
) -> None:
    stored = create(build_manifest())

    with pytest.raises(ApiException) as refusal:
        patch(objects, stored, spec)

    assert f"{field} is immutable" in read_message(refusal.value)


@pytest.mark.parametrize("spec", [{"suspend": True}, {"ttlSecondsAfterFinished": 60}])
def test_suspend_and_time_to_live_may_change(
    objects: client.CustomObjectsApi, create: Callable[..., Manifest], spec: Manifest
) -> None:
    stored = create(build_manifest())

    assert patch(objects, stored, spec)["spec"].items() >= spec.items()


def test_the_definition_explains_itself(control_plane: ControlPlane, crd: None) -> None:
    def explain() -> str | None:
        # Discovery follows a new definition after a moment.
        try:
            return control_plane.kubectl("explain", "finetunejobs.spec.training")
        except CommandError:
            return None

    explained = poll(explain, "kubectl explain knows the definition")

    assert "learningRate" in explained
    assert "Default: 2e-5 for method Full" in explained
