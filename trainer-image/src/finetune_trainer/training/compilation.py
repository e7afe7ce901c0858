"""training.compile: whether torch.compile can do its work here, before a model is loaded.

torch writes C++ for a CPU and a launcher in C for each GPU kernel, and calls a compiler for it. In
an image without one it fails in the first step, minutes after the GPU was handed out.
"""

import os
import shutil
from collections.abc import Callable, Mapping

from finetune_api.v1alpha1.training import Training
from finetune_trainer.errors import ConfigError

COMPILERS: Mapping[str, tuple[str, ...]] = {
    "cpu": ("g++", "clang++", "c++"),
    "cuda": ("gcc", "clang", "cc"),
}
CHOSEN_BY: Mapping[str, str] = {"cpu": "CXX", "cuda": "CC"}
LANGUAGES: Mapping[str, str] = {"cpu": "C++", "cuda": "C"}


def check_compiler(
    training: Training,
    device: str,
    *,
    variables: Mapping[str, str] = os.environ,
    find: Callable[[str], str | None] = shutil.which,
) -> None:
    """Refuse to compile where no compiler is.

    Args:
        training: spec.training.
        device: cpu or cuda.
        variables: the environment, which may name a compiler.
        find: looks for a program.

    Raises:
        ConfigError: there is none.
    """
    if not training.compile:
        return
    named = variables.get(CHOSEN_BY[device])
    if not any(find(name) for name in ((named,) if named else COMPILERS[device])):
        raise ConfigError(
            f"training.compile is true, but this image has no {LANGUAGES[device]} compiler, which"
            " torch.compile needs",
            hint="set compile to false, or use a trainer image that has one",
        )
