"""The folder of a local run: where each part lies, and which folder stands for which claim.

    reviews/                     beside the job file, named after the job
        model -> volumes/…       the model, once there is one
        trainer.log              what the trainer wrote, all attempts
        job.json                 the resolved job, as a pod would get it
        outcome.json             the trainer's last word
        volumes/<claim>/         stands for the claim; a link where --volume names a folder
        configmaps/<name>/       stands for the ConfigMap; a file for each key
        scratch/                 caches
        .lock  .attempt          who writes here now, and for which time

`runs` is the only caller. Laying out is idempotent: the same command finds what it left.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from finetune_api.contract.environment import JOB_FILE_NAME
from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_api.sources import Source, parse_source
from finetune_api.v1alpha1.spec_sources import list_sources
from kubectl_finetune.errors import ManifestError, NotFoundError
from kubectl_finetune.local.config_maps import Content, write_config_maps


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of one job on this machine."""

    directory: Path

    @property
    def job_file(self) -> Path:
        """The resolved job, JSON."""
        return self.directory / JOB_FILE_NAME

    @property
    def outcome_file(self) -> Path:
        """The trainer's last word, JSON."""
        return self.directory / "outcome.json"

    @property
    def trainer_log(self) -> Path:
        """What the trainer wrote, all attempts."""
        return self.directory / "trainer.log"

    @property
    def volumes(self) -> Path:
        """The folder whose folder `c` stands for the claim `c`."""
        return self.directory / "volumes"

    @property
    def config_maps(self) -> Path:
        """The folder whose folder `c` stands for the ConfigMap `c`."""
        return self.directory / "configmaps"

    @property
    def scratch(self) -> Path:
        """Caches; may be deleted."""
        return self.directory / "scratch"

    @property
    def lock_file(self) -> Path:
        """Locked while a run writes here."""
        return self.directory / ".lock"

    @property
    def attempt_file(self) -> Path:
        """The number of the last attempt."""
        return self.directory / ".attempt"

    @property
    def model_link(self) -> Path:
        """A short name for the model."""
        return self.directory / "model"

    def find_path(self, uri: str) -> Path:
        """Say where a pvc:// or file:// URI lies on this machine."""
        source = parse_source(uri)
        if source.scheme == "file":
            return Path(source.path)
        return self.volumes / source.name / source.path


def choose_directory(job_name: str, file_name: str, directory: Path | None) -> Path:
    """Name the folder of a job: the one given, or one beside the job file, named after the job."""
    if directory is not None:
        return directory
    beside = Path(file_name).parent if file_name != "-" else Path()
    return beside / job_name


def parse_volumes(options: list[str]) -> dict[str, Path]:
    """Read `--volume claim=folder` options.

    Raises:
        ManifestError: an option is written otherwise.
        NotFoundError: there is no such folder.
    """
    volumes: dict[str, Path] = {}
    for option in options:
        claim, equals, folder = option.partition("=")
        if not (claim and equals and folder):
            raise ManifestError(f"--volume {option!r} must read claim=folder")
        path = Path(folder).expanduser()
        if not path.is_dir():
            raise NotFoundError(f"--volume {claim}={folder}: there is no folder {folder!r}")
        volumes[claim] = path.resolve()
    return volumes


def lay_out(
    layout: Layout,
    job: ResolvedJob,
    volumes: Mapping[str, Path],
    config_maps: Mapping[str, Content] = MappingProxyType({}),
) -> None:
    """Make the folders of a job and put a folder in the place of every claim and ConfigMap.

    Raises:
        NotFoundError: a source lies where no folder stands for it here.
        ManifestError: a claim's folder of an earlier run is in the way of --volume.
    """
    for folder in (layout.volumes, layout.scratch):
        folder.mkdir(parents=True, exist_ok=True)
    for claim, folder in volumes.items():
        _link_volume(layout.volumes / claim, folder)
    write_config_maps(layout.config_maps, config_maps)
    for field, source in list_sources(job.spec):
        _check_source(layout, f"spec.{field}", source)
    for uri in (job.output_uri, job.checkpoints_uri):
        (layout.volumes / parse_source(uri).name).mkdir(exist_ok=True)


def show_model(layout: Layout, output_uri: str) -> Path:
    """Give the shortest path to the model: the link `model`, or the place itself."""
    target = layout.find_path(output_uri)
    link = layout.model_link
    if link.is_symlink():
        link.unlink()
    if link.exists():
        return target
    link.symlink_to(target.relative_to(layout.directory), target_is_directory=True)
    return link


def forget_earlier_attempts(layout: Layout, job: ResolvedJob) -> None:
    """Remove the checkpoints, the outcome and the count of earlier attempts of this very job."""
    shutil.rmtree(layout.find_path(job.checkpoints_uri), ignore_errors=True)
    for file in (layout.outcome_file, layout.attempt_file, layout.trainer_log):
        file.unlink(missing_ok=True)


def _link_volume(place: Path, folder: Path) -> None:
    if place.is_symlink():
        place.unlink()
    if place.exists():
        raise ManifestError(
            f"--volume {place.name}={folder}: an earlier run made the folder {place}",
            hint=f"move {place} away, or leave out --volume {place.name}=…",
        )
    place.symlink_to(folder, target_is_directory=True)


def _check_source(layout: Layout, field: str, source: Source) -> None:
    if source.scheme == "configmap":
        _check_config_map(layout.config_maps / source.name, field, source)
    place = layout.volumes / source.name
    if source.scheme == "pvc" and not place.is_dir():
        raise NotFoundError(
            f"{field} is {source.uri}, and no folder stands for the claim {source.name!r} here",
            hint=f"say which folder does: --volume {source.name}=FOLDER",
        )


def _check_config_map(place: Path, field: str, source: Source) -> None:
    if not place.is_dir():
        raise NotFoundError(
            f"{field} is {source.uri}, and nothing stands for the ConfigMap {source.name!r} here",
            hint=f"say which folder does: --configmap {source.name}=FOLDER, or put the ConfigMap"
            " into the same file as the job",
        )
    if not (place / source.path).is_file():
        keys = ", ".join(sorted(entry.name for entry in place.iterdir())) or "none"
        raise NotFoundError(
            f"{field} is {source.uri}, and the ConfigMap {source.name!r} has no key"
            f" {source.path!r}; it has {keys}"
        )
