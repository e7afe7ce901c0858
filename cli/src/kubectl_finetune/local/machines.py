"""What this machine has, as far as a job asks for it: cores and GPUs.

No torch here: importing it takes seconds, and the command line must answer at once. Device files
tell enough to warn; what is really used the trainer decides and reports. `runs` is the caller.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from finetune_api.contract.environment import MLFLOW_VARIABLES
from finetune_api.quantities import parse_quantity
from finetune_api.v1alpha1 import FineTuneJobSpec

_GPU_DEVICES = (Path("/dev/nvidiactl"), Path("/dev/kfd"), Path("/dev/dxg"))


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine.

    Attributes:
        cores: CPU cores that this process may use.
        has_gpu: whether there is a GPU that is not hidden from us.
    """

    cores: int
    has_gpu: bool


def inspect_machine(environment: Mapping[str, str]) -> Machine:
    """Look at this machine."""
    hidden = environment.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Machine(
        cores=cores or 1, has_gpu=not hidden and any(device.exists() for device in _GPU_DEVICES)
    )


def choose_millicores(spec: FineTuneJobSpec, machine: Machine) -> int:
    """Say how many cores to train on: what the job asks for, and no more than there are."""
    return min(int(parse_quantity(spec.resources.cpu) * 1000), machine.cores * 1000)


def describe_differences(spec: FineTuneJobSpec, machine: Machine) -> list[str]:
    """Say in which ways a run on this machine is not the pod that the job asks for."""
    return [note for compare in _COMPARISONS if (note := compare(spec, machine))]


def _compare_gpus(spec: FineTuneJobSpec, machine: Machine) -> str | None:
    asked = spec.resources.gpus_per_node
    if asked == 0 or machine.has_gpu:
        return None
    return f"resources.gpusPerNode is {asked}, but this machine has no GPU: training on the CPU"


def _compare_nodes(spec: FineTuneJobSpec, machine: Machine) -> str | None:
    del machine
    asked = spec.resources
    if asked.nodes == 1:
        return None
    return f"resources.nodes is {asked.nodes}: {asked.processes} processes share this machine"


def _compare_cores(spec: FineTuneJobSpec, machine: Machine) -> str | None:
    millicores = choose_millicores(spec, machine)
    if millicores == parse_quantity(spec.resources.cpu) * 1000 == machine.cores * 1000:
        return None
    return (
        f"resources.cpu is {spec.resources.cpu}: training on {millicores / 1000:g} of the"
        f" {machine.cores} cores of this machine"
    )


def _compare_suspension(spec: FineTuneJobSpec, machine: Machine) -> str | None:
    del machine
    return "suspend is true, which holds the job in a cluster only" if spec.suspend else None


def _compare_credentials(spec: FineTuneJobSpec, machine: Machine) -> str | None:
    del machine
    secret = spec.model.credentials_secret_name
    if secret is None:
        return None
    return f"the Secret {secret} is in the cluster: here the token is taken from HF_TOKEN"


def _compare_tracking(spec: FineTuneJobSpec, machine: Machine) -> str | None:
    del machine
    secret = spec.tracking.mlflow.credentials_secret_name if spec.tracking.mlflow else None
    if secret is None:
        return None
    return (
        f"the Secret {secret} is in the cluster: here {', '.join(MLFLOW_VARIABLES)} are taken from"
        " the environment"
    )


_COMPARISONS: tuple[Callable[[FineTuneJobSpec, Machine], str | None], ...] = (
    _compare_gpus,
    _compare_nodes,
    _compare_cores,
    _compare_suspension,
    _compare_credentials,
    _compare_tracking,
)
