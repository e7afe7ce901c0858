"""One folder, behind every kind of source: a volume, a folder of this machine, a hub, a bucket."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from hub_server import HubServer, Repository
from s3_server import S3Server
from trainer_jobs import TrainerJob

SourceKind = Literal["pvc", "file", "hf", "s3"]
SOURCE_KINDS: tuple[SourceKind, ...] = ("pvc", "file", "hf", "s3")
BUCKET = "team"


@dataclass(frozen=True)
class Sources:
    """Where a folder can be put."""

    job: TrainerJob
    hub: HubServer
    store: S3Server

    def make_folder(self, kind: SourceKind, name: str) -> Path:
        """Make the folder that is filled before it is served; no other test's has its name.

        The clients of hubs keep what they have seen.
        """
        parents = {"pvc": self.job.claim / "sources", "file": self.job.folder / "machine" / "files"}
        folder = parents.get(kind, self.job.folder / "elsewhere" / "files")
        folder = folder / f"{name}-{uuid.uuid4().hex[:8]}"
        folder.mkdir(parents=True)
        return folder

    def serve(self, kind: SourceKind, folder: Path, what: Literal["models", "datasets"]) -> str:
        """Serve what lies in a folder, and give its URI."""
        name = folder.name
        match kind:
            case "pvc":
                return f"pvc://data/{folder.relative_to(self.job.claim).as_posix()}"
            case "file":
                return f"file://{folder}"
            case "hf":
                getattr(self.hub, what)[f"org/{name}"] = Repository(folder)
                return f"hf://org/{name}"
            case "s3":
                self.store.put_folder(BUCKET, name, folder)
                return f"s3://{BUCKET}/{name}"


def use_hub(hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the clients of this process at a hub: they read their variables when imported."""
    import datasets
    import huggingface_hub

    constants = huggingface_hub.constants
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, hub.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "hub"))
    for name in ("HUB_DATASETS_URL", "HF_ENDPOINT"):
        address = getattr(datasets.config, name).replace(datasets.config.HF_ENDPOINT, hub.url)
        monkeypatch.setattr(datasets.config, name, address)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_HOME", str(folder))
