"""Builds the pinned tools a cluster is made of, once per version, and says where they are.

`ensure("etcd")` is the whole interface; `control_plane` asks for what it starts, tests for
promtool, helm and versitygw (an object store), and `python -m devcluster build` for what it is
told. Each tool is a Go module under hack/tools whose go.mod and go.sum pin every source file. Only
the built binary is kept: a Go build cache for all of them would be twenty times as large.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from devcluster import go_toolchains
from devcluster.errors import BuildError

TOOLS = Path(__file__).resolve().parent.parent / "tools"

STRIP_FLAGS = ("-s", "-w")  # a third smaller, and only the link step changes
KUBERNETES_VERSION = "v1.34.4"


def _stamp_kubernetes() -> tuple[str, ...]:
    # Without it the server says v0.0.0-master, also to a chart's kubeVersion bound.
    major, minor, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
    values = {
        "gitVersion": KUBERNETES_VERSION,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
    }
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return tuple(
        f"-X {package}.{key}={value}" for package in packages for key, value in values.items()
    )


@dataclass(frozen=True, slots=True)
class Tool:
    """One binary: which module folder pins it and how it is linked."""

    name: str
    module: str  # folder under hack/tools
    package: str
    usual_seconds: int  # with an empty Go build cache, on two cores
    link_flags: tuple[str, ...] = ()
    version_matters: bool = True  # False: any version found on PATH will do

    @property
    def folder(self) -> Path:
        """Where its go.mod is."""
        return TOOLS / self.module

    def compute_key(self) -> str:
        """Hash everything that decides what the binary is."""
        digest = hashlib.sha256()
        for file in ("go.mod", "go.sum"):
            digest.update((self.folder / file).read_bytes())
        rest = (self.package, go_toolchains.GO_PACKAGE_VERSION, *STRIP_FLAGS, *self.link_flags)
        digest.update("\0".join(rest).encode())
        return digest.hexdigest()[:16]


def _kubernetes_tool(name: str, usual_seconds: int) -> Tool:
    package = f"k8s.io/kubernetes/cmd/{name}"
    return Tool(name, "kubernetes", package, usual_seconds, _stamp_kubernetes())


ALL_TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool("etcd", "etcd", "go.etcd.io/etcd/server/v3", usual_seconds=80),
        _kubernetes_tool("kube-apiserver", usual_seconds=190),
        _kubernetes_tool("kube-controller-manager", usual_seconds=50),
        _kubernetes_tool("kube-scheduler", usual_seconds=5),
        _kubernetes_tool("kubectl", usual_seconds=20),
        Tool("helm", "helm", "helm.sh/helm/v3/cmd/helm", usual_seconds=80, version_matters=False),
        Tool(
            "promtool",
            "promtool",
            "github.com/prometheus/prometheus/cmd/promtool",
            usual_seconds=120,
            link_flags=("-X github.com/prometheus/common/version.Version=3.9.1",),
            version_matters=False,
        ),
        Tool("versitygw", "versitygw", "github.com/versity/versitygw/cmd/versitygw", 90),
    )
}


def ensure(name: str) -> Path:
    """Give the path of a tool, building it first if this version was never built here.

    Looked at in this order: the folder named by KUBEBUILDER_ASSETS, PATH (helm and promtool
    only), our cache.

    Raises:
        BuildError: unknown tool, no Go to be had, or the build failed.
    """
    tool = find_tool(name)
    return find_existing(tool) or _build_once(tool)


def find_tool(name: str) -> Tool:
    """Look up a tool by name; an unknown one raises BuildError with the names there are."""
    if name not in ALL_TOOLS:
        raise BuildError(f"no tool {name!r}; there are {', '.join(ALL_TOOLS)}")
    return ALL_TOOLS[name]


def find_existing(tool: Tool) -> Path | None:
    """Give the path of a tool that is already there, else None."""
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        asset = Path(assets) / tool.name
        if asset.is_file():
            return asset
    if not tool.version_matters and (found := shutil.which(tool.name)):
        return Path(found)
    cached = _locate(tool)
    return cached if cached.is_file() else None


def find_cache() -> Path:
    """Give the folder for everything we build or fetch."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "finetune"


def _locate(tool: Tool) -> Path:
    return find_cache() / "bin" / tool.compute_key() / tool.name


def _build_once(tool: Tool) -> Path:
    """Build unless another process did so while we waited for the lock.

    One lock for all tools: two Go builds at a time only make each other slow.
    """
    target = _locate(tool)
    with go_toolchains.hold_lock(find_cache() / "build.lock"):
        if not target.is_file():
            _build(tool, target)
    return target


def _build(tool: Tool, target: Path) -> None:
    minutes = f"about {max(1, round(tool.usual_seconds / 60))} min with an empty Go cache"
    print(f"building {tool.name} ({minutes}; once per version) ...", file=sys.stderr, flush=True)
    go = go_toolchains.find_go(read_needed_go(tool), find_cache())
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{tool.name}.partial")
    flags = ["-trimpath", "-ldflags", " ".join((*STRIP_FLAGS, *tool.link_flags))]
    command = [str(go), "build", *flags, "-o", str(partial), tool.package]
    go_toolchains.run_step(command, go_toolchains.build_environment(go), tool.folder)
    partial.rename(target)  # a build that was cut short never looks like a finished one


def read_needed_go(tool: Tool) -> tuple[int, ...]:
    """Read the oldest Go that the tool's module can be built with."""
    for line in (tool.folder / "go.mod").read_text().splitlines():
        if line.startswith("go "):
            return go_toolchains.parse_version(line.removeprefix("go "))
    raise BuildError(f"{tool.folder / 'go.mod'} has no go line")
