"""How volumes become folders, and mounts become places in them."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from devcluster.process_node.references import MissingReferenceError
from devcluster.process_node.volumes import VolumeSources, locate_mounts, prepare_volumes


class FakeTokens:
    async def request(self, facts: Any, projection: Any) -> str:
        return f"token of {facts.name} for {projection['audience']}"


async def prepare(build_facts: Any, references: Any, folder: Path, volume: Any) -> Path:
    facts = build_facts(volumes=[{"name": "v", **volume}])
    prepared = await prepare_volumes(VolumeSources(facts, references, FakeTokens()), folder)
    return prepared["v"]


def read(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in files}


@pytest.mark.parametrize(
    ("volume", "files"),
    [
        pytest.param({"configMap": {"name": "job"}}, {"a": "1", "b": "2"}, id="ConfigMap"),
        pytest.param(
            {"configMap": {"name": "job", "items": [{"key": "a", "path": "deep/x"}]}},
            {"deep/x": "1"},
            id="chosen items",
        ),
        pytest.param({"secret": {"secretName": "token"}}, {"value": "hush"}, id="Secret"),
        pytest.param({"configMap": {"name": "absent", "optional": True}}, {}, id="optional"),
        pytest.param({"emptyDir": {"medium": "Memory"}}, {}, id="emptyDir"),
        pytest.param(
            {
                "downwardAPI": {
                    "items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]
                }
            },
            {"labels": 'app="trainer"\ntier="gpu"'},
            id="downward API",
        ),
        pytest.param(
            {
                "projected": {
                    "sources": [
                        {"configMap": {"name": "job"}},
                        {"serviceAccountToken": {"path": "token", "audience": "hub"}},
                    ]
                }
            },
            {"a": "1", "b": "2", "token": "token of reviews-1-0 for hub"},
            id="projected",
        ),
    ],
)
async def test_a_volume_becomes_a_folder(
    build_facts: Any, references: Any, tmp_path: Path, volume: Any, files: dict[str, str]
) -> None:
    references.add_config_map("job", a="1", b="2")
    references.add_secret("token", value="hush")

    folder = await prepare(build_facts, references, tmp_path, volume)

    assert read(folder) == files


async def test_files_have_the_mode_asked_for(
    build_facts: Any, references: Any, tmp_path: Path
) -> None:
    references.add_secret("token", value="hush")
    volume = {"secret": {"secretName": "token", "defaultMode": 0o400}}

    folder = await prepare(build_facts, references, tmp_path, volume)

    assert stat.S_IMODE((folder / "value").stat().st_mode) == 0o400


async def test_a_bound_claim_is_the_folder_of_its_volume(
    build_facts: Any, references: Any, tmp_path: Path
) -> None:
    references.add_claim("models", "Bound", str(tmp_path / "pv"))
    volume = {"persistentVolumeClaim": {"claimName": "models"}}

    assert await prepare(build_facts, references, tmp_path, volume) == tmp_path / "pv"


async def test_an_unbound_claim_is_waited_for(
    build_facts: Any, references: Any, tmp_path: Path
) -> None:
    references.add_claim("models", "Pending", str(tmp_path / "pv"))

    with pytest.raises(MissingReferenceError, match='"models" is not bound'):
        await prepare(
            build_facts, references, tmp_path, {"persistentVolumeClaim": {"claimName": "models"}}
        )


async def test_an_unknown_kind_of_volume_is_refused_by_name(
    build_facts: Any, references: Any, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="no volumes of kind nfs"):
        await prepare(build_facts, references, tmp_path, {"nfs": {}})


def test_a_mount_may_be_a_part_of_its_volume(tmp_path: Path) -> None:
    mounts = [
        {"name": "v", "mountPath": "/all"},
        {"name": "v", "mountPath": "/part", "subPath": "a/b"},
        {"name": "v", "mountPath": "/mine", "subPathExpr": "runs/$(NAME)"},
    ]

    located = locate_mounts({"volumeMounts": mounts}, {"v": tmp_path}, {"NAME": "x"})

    wanted = {"/all": tmp_path, "/part": tmp_path / "a/b", "/mine": tmp_path / "runs/x"}
    assert located == wanted
    assert all(folder.is_dir() for folder in wanted.values())


def test_a_sub_path_cannot_leave_its_volume(tmp_path: Path) -> None:
    mounts = [{"name": "v", "mountPath": "/x", "subPath": "../secrets"}]

    with pytest.raises(ValueError, match="must not contain"):
        locate_mounts({"volumeMounts": mounts}, {"v": tmp_path}, {})
