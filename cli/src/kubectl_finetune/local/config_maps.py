"""ConfigMaps without a cluster: those of the job's own file, and folders that stand for some.

`kubectl apply -f` makes the ConfigMaps that lie beside a job in one file, so a local run takes them
as well. Others are named as in `kubectl create configmap NAME --from-file=FOLDER`.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

from kubectl_finetune.errors import ManifestError, NotFoundError

Content = Mapping[str, bytes]
"""What a ConfigMap holds, by key."""


def parse_config_maps(options: list[str]) -> dict[str, Content]:
    """Read `--configmap name=path` options: a folder's files, or one file, by name.

    Raises:
        ManifestError: an option is written otherwise.
        NotFoundError: there is no such folder or file.
    """
    found: dict[str, Content] = {}
    for option in options:
        name, equals, text = option.partition("=")
        if not (name and equals and text):
            raise ManifestError(f"--configmap {option!r} must read name=folder")
        path = Path(text).expanduser()
        if not path.exists():
            raise NotFoundError(f"--configmap {name}={text}: there is no folder {text!r}")
        files = sorted(p for p in path.iterdir() if p.is_file()) if path.is_dir() else [path]
        found[name] = {file.name: file.read_bytes() for file in files}
    return found


def write_config_maps(folder: Path, config_maps: Mapping[str, Content]) -> None:
    """Write each key as a file, as a kubelet would; what an earlier run wrote is replaced."""
    for name, content in config_maps.items():
        place = folder / name
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        for key, value in content.items():
            (place / key).write_bytes(value)
