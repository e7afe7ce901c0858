"""The part of the hub's API that changes something: new repositories and commits.

`hub_server` asks it first. A commit is taken whole, as one step, or refused.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from hub_server import HubServer, Repository

Answer = tuple[int, dict[str, str], bytes]
DENIED: Answer = (403, {}, b'{"error": "this token may not write here"}')


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: str
    target: str
    authorization: str
    sent: bytes

    @property
    def path(self) -> list[str]:
        return unquote(urlsplit(self.target).path).strip("/").split("/")


def answer(hub: HubServer, call: Call) -> Answer | None:
    """Answer what would change something; None for everything else."""
    large = hub.large_files.answer(hub.url, call.method, call.target, call.sent)
    if large is not None:
        return large
    path = call.path
    if path == ["api", "validate-yaml"]:
        return _say({"warnings": [], "errors": []})
    if path == ["api", "repos", "create"]:
        return _create(hub, call)
    if path[:2] != ["api", "models"] or len(path) < 5:
        return None
    repository = hub.models.get("/".join(path[2:4]))
    if repository is None or repository.status is not None:
        return None
    may_write = call.authorization == f"Bearer {repository.write_token}"
    match path[4]:
        case "auth-check":
            return _say({}) if may_write else DENIED
        case "preupload":
            return _plan_upload(hub, call) if may_write else DENIED
        case "commit":
            is_refused = not may_write or repository.refuses_commits
            return DENIED if is_refused else _commit(hub, repository, call)
    return None


def _create(hub: HubServer, call: Call) -> Answer:
    from hub_server import Repository

    wanted = json.loads(call.sent)
    name = f"{wanted['organization']}/{wanted['name']}"
    if hub.new_folder is None or call.authorization != f"Bearer {hub.new_write_token}":
        return DENIED
    if name in hub.models:
        return 409, {}, b"{}"
    folder = hub.new_folder / name
    folder.mkdir(parents=True)
    (folder / ".gitattributes").write_text("*.safetensors filter=lfs\n")
    is_private = wanted.get("visibility") == "private"
    hub.models[name] = Repository(folder, is_private=is_private, write_token=hub.new_write_token)
    return _say({"url": f"{hub.url}/{name}"})


def _plan_upload(hub: HubServer, call: Call) -> Answer:
    files = json.loads(call.sent)["files"]
    ways = {True: "lfs", False: "regular"}
    plan = [
        {
            "path": file["path"],
            "uploadMode": ways[hub.large_files.is_large(file["path"], file["size"])],
            "shouldIgnore": False,
        }
        for file in files
    ]
    return _say({"files": plan})


def _commit(hub: HubServer, repository: Repository, call: Call) -> Answer:
    title = ""
    for line in call.sent.splitlines():
        operation = json.loads(line)
        value = operation["value"]
        if operation["key"] == "header":
            title = value["summary"]
        elif operation["key"] == "deletedFile":
            (repository.folder / value["path"]).unlink()
        else:
            is_large = operation["key"] == "lfsFile"
            if is_large and value["oid"] not in hub.large_files.stored:
                return 422, {}, b'{"error": "a large file was not sent"}'
            target = repository.folder / value["path"]
            target.parent.mkdir(parents=True, exist_ok=True)
            stored = hub.large_files.stored
            content = stored[value["oid"]] if is_large else base64.b64decode(value["content"])
            target.write_bytes(content)
    repository.commits.append(title)
    repository.commit = hashlib.sha1(call.sent, usedforsecurity=False).hexdigest()
    url = f"{hub.url}/{'/'.join(call.path[2:4])}/commit/{repository.commit}"
    return _say({"commitOid": repository.commit, "commitUrl": url})


def _say(content: Any) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(content).encode()
