"""A small server that speaks the hub's API, for tests: models and data sets from local folders.

Point HF_ENDPOINT at `HubServer.url`. It knows the few requests that downloading needs (information
on a repository, its tree, its files, each with the headers that the client checks), those of
`hub_writes`, and fails on demand, so that every answer of a real hub can be had without one.
"""

import hashlib
import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import hub_writes
from hub_large_files import LargeFiles

COMMIT = "c0ffee" + "0" * 34
KINDS = {"models": "", "datasets": "datasets/"}


@dataclass
class Repository:
    """What is served under one name.

    Attributes:
        folder: holds the files.
        commit: the newest commit; ask for it or for `main`.
        token: needed to see it; None for everybody.
        status: the answer to everything, to fail on demand; None for the real one.
        error: the hub's sentence in that answer.
        failures_left: how often `status` is given before it works; None for ever.
        write_token: needed to change it.
        refuses_commits: whether the token has lost its right since it was checked.
        is_private: whether it was made so.
        strange_files: more files, by names that no file system would give them.
        commits: the titles of the commits since it is served.
    """

    folder: Path
    commit: str = COMMIT
    token: str | None = None
    status: int | None = None
    error: str = ""
    failures_left: int | None = None
    write_token: str = "hf_write"
    refuses_commits: bool = False
    is_private: bool = False
    commits: list[str] = field(default_factory=list)
    strange_files: dict[str, bytes] = field(default_factory=dict)

    def list_files(self) -> list[Path]:
        """Name the files, relative to the folder."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.folder) for path in found)


@dataclass
class HubServer:
    """Serves repositories by name, `org/name`."""

    models: dict[str, Repository] = field(default_factory=dict)
    datasets: dict[str, Repository] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    new_folder: Path | None = None
    """Where repositories are made; None makes none."""
    new_write_token: str = "hf_write"
    """What makes and changes them."""
    large_files: LargeFiles = field(default_factory=LargeFiles)
    bodies: list[bytes] = field(default_factory=list)
    """What was sent, request by request."""

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _make_handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """What HF_ENDPOINT should be."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def downloads(self) -> list[str]:
        """Name the files whose content was asked for."""
        gets = (line.split()[1] for line in self.requests if line.startswith("GET"))
        return sorted({path.rsplit("/", 1)[-1] for path in gets if "/resolve/" in path})


@dataclass(frozen=True)
class _Answer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def _make_handler(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # the name is the base class's
            self._send(with_body=True)

        def do_HEAD(self) -> None:
            self._send(with_body=False)

        def do_POST(self) -> None:
            self._send(with_body=True)

        def do_PUT(self) -> None:
            self._send(with_body=True)

        def _send(self, *, with_body: bool) -> None:
            hub.requests.append(f"{self.command} {self.path}")
            sent = _read_body(self)
            hub.bodies.append(sent)
            authorization = self.headers.get("Authorization")
            call = hub_writes.Call(self.command, self.path, authorization or "", sent)
            written = hub_writes.answer(hub, call)
            answer = _Answer(*written) if written else _answer(hub, self.path, authorization, sent)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if with_body:
                self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


def _read_body(request: BaseHTTPRequestHandler) -> bytes:
    if request.headers.get("Transfer-Encoding") != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length") or 0))
    chunks = []
    while size := int(request.rfile.readline(), 16):
        chunks.append(request.rfile.read(size))
        request.rfile.readline()
    request.rfile.readline()
    return b"".join(chunks)


def _answer(hub: HubServer, target: str, authorization: str | None, sent: bytes) -> _Answer:
    path = unquote(urlsplit(target).path).strip("/")
    kind, name, rest = _take_apart(path)
    repository = getattr(hub, kind).get(name)
    if repository is None:
        # A real hub gives 401 to strangers for what does not exist.
        status = 404 if authorization else 401
        return _Answer(status, {"X-Error-Code": "RepoNotFound"})
    refused = _refuse(repository, authorization)
    if refused is not None:
        return refused
    if path.startswith("api/"):
        recursive = parse_qs(urlsplit(target).query).get("recursive") == ["true"]
        return _answer_api(repository, name, rest, sent, recursive=recursive)
    return _answer_file(repository, rest)


def _take_apart(path: str) -> tuple[str, str, list[str]]:
    """Split into kind, org/name and the rest."""
    parts = path.removeprefix("api/").split("/")
    kind = parts[0] if parts[0] in KINDS else "models"
    if parts[0] in KINDS:
        parts = parts[1:]
    return kind, "/".join(parts[:2]), parts[2:]


def _refuse(repository: Repository, authorization: str | None) -> _Answer | None:
    if repository.status is not None and repository.failures_left != 0:
        if repository.failures_left is not None:
            repository.failures_left -= 1
        said = {"X-Error-Message": repository.error} if repository.error else {}
        return _Answer(repository.status, said)
    if repository.token is None or authorization == f"Bearer {repository.token}":
        return None
    return _Answer(403 if authorization else 401, {"X-Error-Code": "GatedRepo"})


def _answer_api(
    repository: Repository, name: str, rest: list[str], sent: bytes, *, recursive: bool
) -> _Answer:
    if rest[:1] == ["tree"]:
        return _answer_tree(repository, Path(*rest[2:]), recursive=recursive)
    if rest[:1] == ["paths-info"]:
        wanted = json.loads(sent)["paths"] if sent.startswith(b"{") else parse_qs(sent)[b"paths"]
        names = {item if isinstance(item, str) else item.decode() for item in wanted}
        found = [path for path in repository.list_files() if path.as_posix() in names]
        strange = names & repository.strange_files.keys()
        return _json([_describe(repository, p) for p in found] + _list_strange(repository, strange))
    revision = rest[1] if rest[:1] == ["revision"] else "main"
    if revision not in ("main", repository.commit):
        return _Answer(404, {"X-Error-Code": "RevisionNotFound"})
    files = [*(path.as_posix() for path in repository.list_files()), *repository.strange_files]
    siblings = [{"rfilename": file} for file in files]
    information = {"id": name, "sha": repository.commit, "private": False, "gated": False}
    return _json({**information, "siblings": siblings, "tags": [], "downloads": 0})


def _answer_tree(repository: Repository, folder: Path, *, recursive: bool) -> _Answer:
    files = [path for path in repository.list_files() if path.is_relative_to(folder)]
    if not files:
        return _Answer(404, {"X-Error-Code": "EntryNotFound"})
    strange = _list_strange(repository, repository.strange_files)
    if recursive:
        return _json([_describe(repository, path) for path in files] + strange)
    names = dict.fromkeys(path.relative_to(folder).parts[0] for path in files)
    return _json([_describe(repository, folder / name) for name in names] + strange)


def _list_strange(repository: Repository, names: Iterable[str]) -> list[dict[str, Any]]:
    found = [(name, repository.strange_files[name]) for name in names]
    return [
        {"type": "file", "path": name, "oid": _hash(content), "size": len(content)}
        for name, content in found
    ]


def _answer_file(repository: Repository, rest: list[str]) -> _Answer:
    if rest[:1] != ["resolve"] or rest[1] not in ("main", repository.commit):
        return _Answer(404, {"X-Error-Code": "RevisionNotFound"})
    name = "/".join(rest[2:])
    path = repository.folder / name
    if name in repository.strange_files:
        return _send(repository, repository.strange_files[name])
    if not path.is_file():
        return _Answer(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": repository.commit})
    return _send(repository, path.read_bytes())


def _send(repository: Repository, content: bytes) -> _Answer:
    headers = {"ETag": f'"{_hash(content)}"', "X-Repo-Commit": repository.commit}
    return _Answer(200, headers | {"Accept-Ranges": "bytes"}, content)


def _describe(repository: Repository, path: Path) -> dict[str, Any]:
    if (repository.folder / path).is_dir():
        return {"type": "directory", "path": path.as_posix(), "oid": "0" * 40, "size": 0}
    content = (repository.folder / path).read_bytes()
    return {
        "type": "file",
        "path": path.as_posix(),
        "oid": _hash(content),
        "size": len(content),
    }


def _json(content: Any) -> _Answer:
    return _Answer(200, {"Content-Type": "application/json"}, json.dumps(content).encode())


def _hash(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
