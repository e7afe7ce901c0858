"""Makes the volumes of a pod as folders, and says where a container finds its mounts.

ConfigMaps, Secrets and projected files are written once, when the pod starts; a kubelet would
refresh them later, this node does not. Files get the mode the pod asks for. `readOnly` cannot be
enforced, since several mounts may share one folder.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from devcluster.api import Object
from devcluster.process_node import downward, environment
from devcluster.process_node.downward import PodFacts
from devcluster.process_node.references import (
    MissingReferenceError,
    References,
    build_collection_path,
    read_required,
)
from devcluster.process_node.tokens import TokenSource

DEFAULT_MODE = 0o644


@dataclass(frozen=True, slots=True)
class VolumeSources:
    """Where the content of volumes comes from."""

    facts: PodFacts
    references: References
    tokens: TokenSource


@dataclass(frozen=True, slots=True)
class VolumeFile:
    """One file of a volume."""

    path: str
    content: bytes
    mode: int | None = None


async def prepare_volumes(sources: VolumeSources, folder: Path) -> dict[str, Path]:
    """Make every volume of the pod below `folder`; give the folder of each by name.

    Raises:
        MissingReferenceError: something is not there yet; call again when it is.
        ValueError: a kind of volume this node cannot make.
    """
    prepared: dict[str, Path] = {}
    for volume in sources.facts.pod["spec"].get("volumes") or ():
        kind = next((kind for kind in volume if kind in _KINDS), None)
        if kind is None:
            kinds = ", ".join(key for key in volume if key != "name")
            raise ValueError(f"volume {volume['name']!r}: this node has no volumes of kind {kinds}")
        prepared[volume["name"]] = await _KINDS[kind](
            sources, volume[kind], folder / volume["name"]
        )
    return prepared


def locate_mounts(
    container: Object, volumes: Mapping[str, Path], variables: Mapping[str, str]
) -> dict[str, Path]:
    """Give the local path behind each mountPath of a container.

    A subPath that does not exist becomes a folder, as with a kubelet.

    Raises:
        ValueError: a subPath leads out of its volume.
    """
    mounts: dict[str, Path] = {}
    for mount in container.get("volumeMounts") or ():
        inside = mount.get("subPath") or environment.expand(mount.get("subPathExpr", ""), variables)
        if ".." in Path(inside).parts:
            raise ValueError(f"subPath {inside!r} must not contain '..'")
        local = volumes[mount["name"]] / inside.lstrip("/")
        if not local.exists():
            local.mkdir(parents=True)
        mounts[mount["mountPath"]] = local
    return mounts


def write_files(folder: Path, files: Iterable[VolumeFile], default_mode: int) -> None:
    """Write files below a folder; their paths may have several parts."""
    for file in files:
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        target.write_bytes(file.content)
        target.chmod(default_mode if file.mode is None else file.mode)


async def _make_config_map(sources: VolumeSources, volume: Object, folder: Path) -> Path:
    files = await _read_object_files(sources, "configmap", volume, volume["name"])
    return _fill(folder, files, volume)


async def _make_secret(sources: VolumeSources, volume: Object, folder: Path) -> Path:
    files = await _read_object_files(sources, "secret", volume, volume["secretName"])
    return _fill(folder, files, volume)


async def _make_downward(sources: VolumeSources, volume: Object, folder: Path) -> Path:
    return _fill(folder, _read_downward_files(sources.facts, volume), volume)


async def _make_projected(sources: VolumeSources, volume: Object, folder: Path) -> Path:
    files: list[VolumeFile] = []
    for source in volume.get("sources") or ():
        if "configMap" in source:
            reference = source["configMap"]
            files += await _read_object_files(sources, "configmap", reference, reference["name"])
        elif "secret" in source:
            reference = source["secret"]
            files += await _read_object_files(sources, "secret", reference, reference["name"])
        elif "downwardAPI" in source:
            files += _read_downward_files(sources.facts, source["downwardAPI"])
        elif "serviceAccountToken" in source:
            reference = source["serviceAccountToken"]
            token = await sources.tokens.request(sources.facts, reference)
            files.append(VolumeFile(reference["path"], token.encode()))
        else:
            raise ValueError(f"unsupported projected source: {', '.join(source)}")
    return _fill(folder, files, volume)


async def _make_empty_dir(_: VolumeSources, __: Object, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o777)
    return folder


async def _find_host_path(_: VolumeSources, volume: Object, __: Path) -> Path:
    path = Path(volume["path"])
    if volume.get("type") == "DirectoryOrCreate":
        path.mkdir(parents=True, exist_ok=True)
    return path


async def _find_claim(sources: VolumeSources, volume: Object, _: Path) -> Path:
    """Give the folder of the PersistentVolume that a claim is bound to."""
    kind, namespace, name = "persistentvolumeclaim", sources.facts.namespace, volume["claimName"]
    claim = await read_required(sources.references, kind, namespace, name)
    if claim.get("status", {}).get("phase") != "Bound":
        message = f'{kind} "{name}" is not bound'
        version = claim["metadata"]["resourceVersion"]
        raise MissingReferenceError(message, build_collection_path(kind, namespace), name, version)
    spec = (await sources.references.read_volume(claim["spec"]["volumeName"]))["spec"]
    source = spec.get("hostPath") or spec.get("local")
    if source is None:
        raise ValueError(f"claim {name!r}: this node only knows hostPath and local volumes")
    path = Path(source["path"])
    path.mkdir(parents=True, exist_ok=True)
    return path


async def _read_object_files(
    sources: VolumeSources, kind: str, volume: Object, name: str
) -> list[VolumeFile]:
    namespace = sources.facts.namespace
    try:
        found = await read_required(sources.references, kind, namespace, name)
    except MissingReferenceError:
        if volume.get("optional"):
            return []
        raise
    content = _decode_files(kind, found)
    if not volume.get("items"):
        return [VolumeFile(key, data) for key, data in content.items()]
    absent = [item["key"] for item in volume["items"] if item["key"] not in content]
    if absent and not volume.get("optional"):
        message = f"references non-existent {kind} key: {absent[0]}"
        version = found["metadata"]["resourceVersion"]
        raise MissingReferenceError(message, build_collection_path(kind, namespace), name, version)
    return [
        VolumeFile(item["path"], content[item["key"]], item.get("mode"))
        for item in volume["items"]
        if item["key"] in content
    ]


def _decode_files(kind: str, item: Object) -> dict[str, bytes]:
    if kind == "secret":
        encoded = item.get("data") or {}
        return {key: base64.b64decode(value) for key, value in encoded.items()}
    text = {key: value.encode() for key, value in (item.get("data") or {}).items()}
    binary = item.get("binaryData") or {}
    return {**text, **{key: base64.b64decode(value) for key, value in binary.items()}}


def _read_downward_files(facts: PodFacts, volume: Object) -> list[VolumeFile]:
    files = []
    containers = {container["name"]: container for container in facts.pod["spec"]["containers"]}
    for item in volume.get("items") or ():
        if "fieldRef" in item:
            text = downward.read_field(facts, item["fieldRef"]["fieldPath"])
        else:
            reference = item["resourceFieldRef"]
            container = containers[reference["containerName"]]
            text = downward.read_resource(facts, container, reference)
        files.append(VolumeFile(item["path"], text.encode(), item.get("mode")))
    return files


def _fill(folder: Path, files: Iterable[VolumeFile], volume: Object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    write_files(folder, files, volume.get("defaultMode", DEFAULT_MODE))
    return folder


_KINDS: dict[str, Callable[[VolumeSources, Object, Path], Awaitable[Path]]] = {
    "configMap": _make_config_map,
    "secret": _make_secret,
    "downwardAPI": _make_downward,
    "projected": _make_projected,
    "emptyDir": _make_empty_dir,
    "hostPath": _find_host_path,
    "persistentVolumeClaim": _find_claim,
}
