"""From a container in a pod to a command line on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from devcluster.process_node.launches import (
    ImageNotFoundError,
    Launch,
    LaunchContext,
    PodRoom,
    prepare_launch,
)
from devcluster.process_node.settings import NodeSettings


@pytest.fixture
def launch(build_facts: Any, references: Any, tmp_path: Path) -> Any:
    room = PodRoom(tmp_path / "pod", tmp_path / "logs")
    room.make()
    volumes = {"v": tmp_path / "v"}

    async def prepare(**container: Any) -> Launch:
        settings = NodeSettings(
            folder=tmp_path,
            path=(Path("/venv/bin"),),
            pass_environment=("SSL_CERT_FILE",),
            image_commands={"*/trainer:*": ("python", "-m", "trainer")},
            image_environment={"*/trainer:*": {"MODE": "quiet"}},
        )
        context = LaunchContext(build_facts(), room, settings, references, volumes)
        return await prepare_launch(context, {"name": "main", "image": "any", **container})

    return prepare


MOUNT = [{"name": "v", "mountPath": "/data"}]


async def test_command_and_arguments_are_expanded_and_then_rewritten(
    launch: Any, tmp_path: Path
) -> None:
    started = await launch(
        command=["run", "$(OUT)"],
        args=["--log=/dev/termination-log", "$(NONE)"],
        env=[{"name": "OUT", "value": "/data/out"}],
        volumeMounts=MOUNT,
    )

    log = tmp_path / "pod/containers/main/termination-log"
    assert started.command == ("run", f"{tmp_path}/v/out", f"--log={log}", "$(NONE)")
    assert started.environment["OUT"] == f"{tmp_path}/v/out"
    assert started.termination_log == log


async def test_an_image_brings_its_entry_point_and_environment(launch: Any) -> None:
    started = await launch(image="ghcr/trainer:1", args=["--fast"])

    assert started.command == ("python", "-m", "trainer", "--fast")
    assert started.environment["MODE"] == "quiet"


async def test_a_command_replaces_the_entry_point(launch: Any) -> None:
    assert (await launch(image="ghcr/trainer:1", command=["true"])).command == ("true",)


async def test_an_unknown_image_needs_a_command(launch: Any) -> None:
    with pytest.raises(ImageNotFoundError, match="ghcr/other:1"):
        await launch(image="ghcr/other:1")


async def test_only_named_variables_of_ours_are_passed_on(
    launch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/certificates")
    monkeypatch.setenv("SECRET_OF_OURS", "hush")

    environment = (await launch(command=["true"])).environment

    assert environment["SSL_CERT_FILE"] == "/certificates"
    assert "SECRET_OF_OURS" not in environment
    assert environment["PATH"].startswith("/venv/bin:")


async def test_scratch_is_the_mounted_tmp_if_there_is_one(launch: Any, tmp_path: Path) -> None:
    mounted = await launch(command=["true"], volumeMounts=[{"name": "v", "mountPath": "/tmp"}])
    own = await launch(command=["true"])

    assert mounted.environment["TMPDIR"] == str(tmp_path / "v")
    assert own.environment["TMPDIR"] == str(tmp_path / "pod/tmp")


async def test_the_working_folder_is_made_inside_a_mount(launch: Any, tmp_path: Path) -> None:
    started = await launch(command=["true"], workingDir="/data/work", volumeMounts=MOUNT)

    assert started.folder == tmp_path / "v/work"
    assert started.folder.is_dir()
