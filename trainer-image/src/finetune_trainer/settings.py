"""Where this process finds things: its environment, read once into a frozen object.

The names are the contract's; `__main__` is the only caller. The defaults are those of a pod.
"""

import logging
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from finetune_api.contract import environment
from finetune_api.contract.environment import Variable
from finetune_api.sources import Source, parse_source
from finetune_trainer.distribution.ranks import SINGLE, Seat, read_seat
from finetune_trainer.errors import ConfigError
from finetune_trainer.preemption import DEFAULT_GRACE_SECONDS

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@dataclass(frozen=True, slots=True)
class Settings:
    """The environment of one attempt.

    Attributes:
        job_file: the resolved job.
        volumes: the folder in which the claim `c` is the folder `c`.
        config_maps: the folder in which the key `k` of the ConfigMap `c` is the file `c/k`.
        scratch: caches and downloads.
        termination_log: where the outcome goes.
        attempt: the number of the attempt, from 1.
        pod_uid: of the pod; empty where there is none.
        report_address: what /progress and /metrics listen at; empty turns the server off.
        report_port: its port; 0 takes any free one.
        grace_seconds: seconds between SIGTERM and SIGKILL.
        cpu_millicores: cores that the pod asked for, times 1000; None when nobody said.
        node_rank: the index of the pod among those of the job.
        leader_address: the host name of the pod with index 0; empty where all ranks are here.
        seat: the place of this process, where torchrun has started it.
    """

    job_file: Path
    volumes: Path
    scratch: Path
    termination_log: Path
    config_maps: Path = Path(environment.CONFIG_MAPS_DIRECTORY)
    attempt: int = 1
    pod_uid: str = ""
    report_address: str = ""
    report_port: int = environment.REPORT_PORT
    grace_seconds: float = DEFAULT_GRACE_SECONDS
    cpu_millicores: int | None = None
    node_rank: int = 0
    leader_address: str = ""
    seat: Seat = SINGLE

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = os.environ) -> "Settings":
        """Read the environment.

        Raises:
            ConfigError: a number is none, or the level of the log is unknown.
        """
        _check_log_level(variables)
        millicores = _read_number(variables, Variable.CPU_LIMIT_MILLICORES, 0)
        return cls(
            job_file=_read_path(
                variables,
                Variable.JOB_FILE,
                f"{environment.JOB_DIRECTORY}/{environment.JOB_FILE_NAME}",
            ),
            volumes=_read_path(
                variables, Variable.VOLUMES_DIRECTORY, environment.VOLUMES_DIRECTORY
            ),
            config_maps=_read_path(
                variables, Variable.CONFIG_MAPS_DIRECTORY, environment.CONFIG_MAPS_DIRECTORY
            ),
            scratch=_read_path(variables, Variable.SCRATCH_DIRECTORY, _default_scratch()),
            termination_log=termination_log_of(variables),
            attempt=max(1, int(_read_number(variables, Variable.ATTEMPT, 1))),
            pod_uid=variables.get(Variable.POD_UID, ""),
            report_address=variables.get(Variable.REPORT_ADDRESS, ""),
            report_port=int(_read_number(variables, Variable.REPORT_PORT, environment.REPORT_PORT)),
            grace_seconds=_read_number(variables, Variable.GRACE_SECONDS, DEFAULT_GRACE_SECONDS),
            cpu_millicores=int(millicores) or None,
            node_rank=int(_read_number(variables, Variable.NODE_RANK, 0)),
            leader_address=variables.get(Variable.LEADER_ADDRESS, ""),
            seat=read_seat(variables),
        )

    def locate(self, source: Source) -> Path:
        """Say where the path of a pvc://, configmap:// or file:// source lies in this container."""
        if source.scheme == "file":
            return Path(source.path)
        root = self.config_maps if source.scheme == "configmap" else self.volumes
        return root / source.name / source.path

    def find_root(self, source: Source) -> Path | None:
        """Say what the files of a source may lead to: its claim.

        None elsewhere: a ConfigMap holds bytes alone, whose links the kubelet makes, and file:// is
        the user's own machine.
        """
        return self.volumes / source.name if source.scheme == "pvc" else None

    def locate_uri(self, uri: str) -> Path:
        """Say where a pvc://, configmap:// or file:// URI lies in this container."""
        return self.locate(parse_source(uri))


def termination_log_of(variables: Mapping[str, str]) -> Path:
    """Say where the outcome goes; needed even when the rest of the environment is broken.

    Each of several ranks has a file of its own, from which the launcher reads.
    """
    path = _read_path(variables, Variable.TERMINATION_LOG, environment.TERMINATION_LOG)
    seat = read_seat(variables)
    return path if seat.count == 1 else path.with_name(f"{path.name}.{seat.rank}")


def read_log_level(variables: Mapping[str, str]) -> int:
    """Say how much is logged; what is no level is refused by `from_environment`, with a log."""
    name = variables.get(Variable.LOG_LEVEL, "").upper()
    return logging.getLevelNamesMapping().get(name, logging.INFO)


def _check_log_level(variables: Mapping[str, str]) -> None:
    given = variables.get(Variable.LOG_LEVEL, "")
    if given and given.upper() not in LOG_LEVELS:
        raise ConfigError(
            f"the environment variable {Variable.LOG_LEVEL} is {given!r}: one of"
            f" {', '.join(LOG_LEVELS)} is needed"
        )


def _read_path(variables: Mapping[str, str], name: Variable, default: str) -> Path:
    return Path(variables.get(name) or default)


def _read_number(variables: Mapping[str, str], name: Variable, default: float) -> float:
    text = variables.get(name)
    if not text:
        return default
    try:
        return float(text)
    except ValueError as error:
        raise ConfigError(
            f"the environment variable {name} is {text!r}: a number is needed"
        ) from error


def _default_scratch() -> str:
    scratch = environment.SCRATCH_DIRECTORY
    return scratch if os.access(scratch, os.W_OK) else tempfile.gettempdir() + "/finetune-scratch"
