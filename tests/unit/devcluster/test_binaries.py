"""Which binary is used, and when a new one has to be built."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from devcluster import binaries, go_toolchains
from devcluster.errors import BuildError


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return tmp_path / "cache"


def place(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_key_changes_with_anything_that_decides_the_binary() -> None:
    tool = binaries.find_tool("etcd")
    others = [
        replace(tool, package="other"),
        replace(tool, link_flags=("-X a=b",)),
        replace(tool, module="helm"),
    ]

    keys = {other.compute_key() for other in [tool, *others]}

    assert len(keys) == 4
    assert tool.compute_key() == replace(tool, usual_seconds=1).compute_key()


def test_every_tool_has_a_pinned_module() -> None:
    for tool in binaries.ALL_TOOLS.values():
        assert tool.package in (tool.folder / "tools.go").read_text()
        assert (tool.folder / "go.sum").stat().st_size > 0


def test_the_go_we_would_fetch_is_new_enough_for_every_tool() -> None:
    fetched = go_toolchains.parse_version(go_toolchains.GO_PACKAGE_VERSION)

    for tool in binaries.ALL_TOOLS.values():
        assert binaries.read_needed_go(tool) <= fetched


def test_the_folder_of_kubebuilder_comes_first(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = place(tmp_path / "assets" / "etcd")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))

    assert binaries.ensure("etcd") == asset


@pytest.mark.parametrize(
    ("name", "is_used"),
    [
        pytest.param("helm", True, id="any helm will do"),
        pytest.param("etcd", False, id="the version of etcd matters"),
    ],
)
def test_a_tool_on_path_is_used_when_its_version_does_not_matter(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_used: bool
) -> None:
    found = place(tmp_path / "bin" / name)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    wanted = found if is_used else None
    assert binaries.find_existing(binaries.find_tool(name)) == wanted


def test_an_unknown_tool_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(BuildError, match="no tool 'etdc'; there are etcd, kube-apiserver"):
        binaries.ensure("etdc")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("1.24.9", (1, 24, 9)),
        ("go version go1.27rc1 linux/arm64", (1, 27)),
    ],
)
def test_go_versions_are_read(text: str, version: tuple[int, ...]) -> None:
    assert go_toolchains.parse_version(text) == version
