"""What a Dockerfile says, instruction by instruction, and what is wrong with it.

The rules are those of hadolint that matter here; no container tool is needed to hold them.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_COMMENT = re.compile(r"^\s*#.*\n?", re.MULTILINE)
_CONTINUATION = re.compile(r"\\\n")


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: `RUN`, `USER` and so on, with all its lines joined."""

    name: str
    arguments: str


Stages = tuple[tuple[Instruction, ...], ...]
Rule = Callable[[Stages], str | None]


def read_stages(dockerfile: Path) -> Stages:
    """Give the instructions of each stage; what stands before the first FROM belongs to none."""
    return parse_stages(dockerfile.read_text(encoding="utf-8"))


def parse_stages(text: str) -> Stages:
    """Take a Dockerfile apart."""
    joined = _CONTINUATION.sub(" ", _COMMENT.sub("", text))
    stages: list[list[Instruction]] = []
    defaults: dict[str, str] = {}
    for line in filter(None, map(str.strip, joined.splitlines())):
        name, _, arguments = line.partition(" ")
        if name.upper() == "FROM":
            stages.append([])
            arguments = _fill_in(arguments, defaults)
        if stages:
            stages[-1].append(Instruction(name.upper(), arguments.strip()))
        elif name.upper() == "ARG":
            variable, _, default = arguments.partition("=")
            defaults[variable.strip()] = default.strip()
    return tuple(map(tuple, stages))


def find_faults(stages: Stages) -> list[str]:
    """Give a sentence for every rule that is broken."""
    return [fault for rule in RULES if (fault := rule(stages))]


def runs_as_a_user_other_than_root(stages: Stages) -> str | None:
    users = [i.arguments for i in stages[-1] if i.name == "USER"]
    if users and re.fullmatch(r"[1-9][0-9]*(:[0-9]+)?", users[-1]):
        return None
    return f"USER is {users[-1] if users else 'missing'}: Kubernetes can tell from a number only"


def starts_from_a_pinned_image(stages: Stages) -> str | None:
    names = {words[-1] for stage in stages if len(words := stage[0].arguments.split()) > 2}
    loose = [
        image
        for stage in stages
        if (image := _find_base(stage[0])) not in names and not _is_pinned(image)
    ]
    return f"FROM {', '.join(loose)}: name a release, not latest" if loose else None


def is_started_without_a_shell(stages: Stages) -> str | None:
    entries = [i.arguments for i in stages[-1] if i.name == "ENTRYPOINT"]
    try:
        words = json.loads(entries[-1]) if entries else None
    except ValueError:
        words = None
    if isinstance(words, list) and words:
        return None
    return "ENTRYPOINT is no JSON list: a shell would swallow SIGTERM"


def installs_what_was_locked(stages: Stages) -> str | None:
    pip = [
        command
        for run in _list_arguments(stages, "RUN")
        for command in re.split(r"&&|;", run)
        if re.search(r"\bpip3? install\b", command)
    ]
    if not any("--require-hashes" in command for command in pip):
        return "no pip install has --require-hashes"
    loose = [c.strip() for c in pip if "--require-hashes" not in c and "--no-deps" not in c]
    return f"{loose[0]}: needs --require-hashes, or --no-deps for what is ours" if loose else None


def fetches_nothing_by_address(stages: Stages) -> str | None:
    adds = [arguments for arguments in _list_arguments(stages, "ADD") if "://" in arguments]
    return f"ADD {adds[0]}: nothing pins what is there" if adds else None


RULES: tuple[Rule, ...] = (
    runs_as_a_user_other_than_root,
    starts_from_a_pinned_image,
    is_started_without_a_shell,
    installs_what_was_locked,
    fetches_nothing_by_address,
)


def _fill_in(text: str, given: dict[str, str]) -> str:
    return re.sub(r"\$\{?(\w+)\}?", lambda match: given.get(match[1], ""), text)


def _list_arguments(stages: Stages, name: str) -> list[str]:
    return [i.arguments for stage in stages for i in stage if i.name == name]


def _find_base(instruction: Instruction) -> str:
    words = (word for word in instruction.arguments.split() if not word.startswith("--"))
    return next(words, "")


def _is_pinned(image: str) -> bool:
    if "@sha256:" in image or image == "scratch":
        return True
    _, colon, tag = image.rpartition(":")
    return bool(colon) and "/" not in tag and tag != "latest"
