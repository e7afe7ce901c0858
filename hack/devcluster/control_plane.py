"""A real control plane on loopback, ready in about four seconds.

etcd, API server, controller manager and scheduler are the true ones, so admission, CEL
validation, server-side apply, the Job controller, RBAC, quota and scheduling are what they are in
production. Nodes come from elsewhere: `running_node`, `scripted_node`. One per test run; tests
keep apart by namespace. Used by the integration fixtures, the benchmarks and `devcluster up`.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import yaml

from devcluster import binaries, components
from devcluster.administrators import Administrator
from devcluster.certificates import CertificateAuthority, KeyPair, create_signing_key, write_private
from devcluster.components import Layout, Ports
from devcluster.errors import CommandError, StartError
from devcluster.kubeconfigs import Kubeconfig
from devcluster.leashed_processes import LeashedProcess, read_tail

START_ATTEMPTS = 5
READY_SECONDS = 60.0
POLL_SECONDS = 0.05
PORT_IS_TAKEN = "address already in use"


class ControlPlane:
    """One cluster without nodes; a context manager that leaves no process behind.

    The processes are on a leash (see `leash`): they end with us even if we are killed. `stop()`
    kills them at once since nothing has to be saved, and `start()` afterwards goes on with the
    same data and, if they are still free, the same ports.
    """

    def __init__(
        self,
        folder: Path,
        *,
        controllers: bool = True,
        audit_log: Path | None = None,
        extra_flags: Mapping[str, Sequence[str]] | None = None,
        pick_ports: Callable[[], Ports] | None = None,
    ) -> None:
        """Prepare a cluster; nothing runs before `start()`.

        Args:
            folder: for data, certificates and logs; made when missing.
            controllers: also run the controller manager and the scheduler.
            audit_log: where to write one line for every request, at level Metadata.
            extra_flags: by component name, for example
                `{"kube-apiserver": ["--max-requests-inflight=10"]}`; the last flag wins.
            pick_ports: where free ports come from; by default the kernel is asked.
        """
        self.folder = folder.resolve()
        self._controllers = controllers
        self._audit_log = audit_log.resolve() if audit_log else None
        self._extra_flags = extra_flags or {}
        self._pick_ports = pick_ports or pick_free_ports
        self._authority = CertificateAuthority.create()
        self._admin = self._authority.issue_client("admin", ["system:masters"])
        self._ports: Ports | None = None
        self._administrator: Administrator | None = None
        self._running: dict[str, LeashedProcess] = {}

    def __enter__(self) -> Self:
        """Start, and give the running cluster."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        self.stop()

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self._layout.kubeconfig

    @property
    def url(self) -> str:
        """Where the API server answers."""
        return self._layout.url

    @property
    def processes(self) -> Mapping[str, LeashedProcess]:
        """What runs, by component name."""
        return self._running

    def start(self) -> None:
        """Start all parts and wait until pods can be created.

        Raises:
            StartError: a part ended or was not ready in time; holds the end of its log.
        """
        for attempt in range(START_ATTEMPTS):
            try:
                self._start_once()
                return
            except BaseException as error:
                self.stop()
                if attempt == START_ATTEMPTS - 1 or not self._lost_a_port(error):
                    raise
                self._ports = None

    def stop(self, grace_seconds: float = 0) -> None:
        """End all parts, newest first; grace 0 kills them, in milliseconds instead of seconds."""
        for name in reversed(list(self._running)):
            self.stop_component(name, grace_seconds)

    def start_component(self, name: str) -> None:
        """Start one part and, for the API server, wait until it is ready; for fault tests."""
        command = [
            str(binaries.ensure(name)),
            *components.FLAGS[name](self._layout),
            *self._extra_flags.get(name, ()),
        ]
        log = self.folder / "logs" / f"{name}.log"
        self._running[name] = LeashedProcess(name, command, log)
        if name == components.API_SERVER:
            self._wait_until("the API server is ready", self._is_ready)

    def stop_component(self, name: str, grace_seconds: float = 0) -> None:
        """End one part; for fault tests."""
        self._running.pop(name).stop(grace_seconds)

    def check_running(self) -> None:
        """Raise StartError if a part has ended."""
        for process in self._running.values():
            process.check_running()

    def request(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Ask the API server as administrator, for example `request("GET", "/api/v1/nodes")`.

        A PATCH is a merge patch.

        Raises:
            ApiError: it answered with an error.
        """
        return self._ask().request(method, path, body)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run kubectl as administrator and give what it printed.

        Raises:
            CommandError: it failed; the message holds its stderr.
        """
        finished = subprocess.run(
            [str(binaries.ensure("kubectl")), *arguments],
            input=stdin,
            env={**os.environ, "KUBECONFIG": str(self.kubeconfig)},
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode != 0:
            raise CommandError(f"kubectl {' '.join(arguments)}: {finished.stderr.strip()}")
        return finished.stdout

    def install_definition(self, file: Path) -> None:
        """Apply a CustomResourceDefinition and return when its objects can be created.

        `kubectl wait` right after an apply fails when the definition has no conditions yet.
        """
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(file))
        name = yaml.safe_load(file.read_text())["metadata"]["name"]
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
        self._wait_until(
            f"{name} is established", lambda: _is_established(self.request("GET", path))
        )

    def create_kubeconfig(
        self, user: str, groups: Sequence[str] = (), *, namespace: str = "default"
    ) -> Path:
        """Write a kubeconfig for any user in any groups, for tests of RBAC, and give its path."""
        target = self.folder / "kubeconfigs" / f"{user.replace(':', '_').replace('/', '_')}.yaml"
        target.parent.mkdir(exist_ok=True)
        client = self._authority.issue_client(user, groups)
        self._build_kubeconfig(client).write(target, namespace=namespace)
        return target

    @property
    def _layout(self) -> Layout:
        if self._ports is None:
            self._ports = self._pick_ports()
        return Layout(self.folder, self._ports, self._controllers, self._audit_log)

    def _start_once(self) -> None:
        self._write_files()
        self.start_component(components.ETCD)
        self.start_component(components.API_SERVER)
        if self._controllers:
            # Not earlier: before the API server is ready its RBAC roles are missing, and the
            # controller manager gives up on the first "forbidden".
            self.start_component(components.CONTROLLER_MANAGER)
            self.start_component(components.SCHEDULER)
            self._wait_until("pods can be created", self._has_default_account)

    def _write_files(self) -> None:
        layout = self._layout
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        pki = layout.certificates
        pki.mkdir(exist_ok=True)
        (pki / "ca.crt").write_bytes(self._authority.pem)
        write_private(pki / "sa.key", self._signing_key())
        names, addresses = components.SERVER_NAMES, components.SERVER_ADDRESSES
        self._authority.issue_server(names, addresses).write(pki, "apiserver")
        node_client = self._authority.issue_client("kube-apiserver", ["system:masters"])
        node_client.write(pki, "kubelet-client")
        layout.audit_policy.write_text(components.AUDIT_POLICY)
        kubeconfig = self._build_kubeconfig(self._admin)
        kubeconfig.write(layout.kubeconfig)
        self._administrator = Administrator(kubeconfig)

    def _signing_key(self) -> bytes:
        # Kept over a restart on the same folder: tokens that pods hold must stay valid.
        key = self._layout.certificates / "sa.key"
        return key.read_bytes() if key.exists() else create_signing_key()

    def _build_kubeconfig(self, client: KeyPair) -> Kubeconfig:
        return Kubeconfig(self._layout.url, self._authority.pem, client)

    def _wait_until(self, what: str, is_true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not is_true():
            self.check_running()
            if time.monotonic() > deadline:
                logs = "\n".join(
                    f"{name}: {read_tail(process.log, 5)}"
                    for name, process in self._running.items()
                )
                raise StartError(f"not within {READY_SECONDS:.0f} s: {what}\n{logs}")
            time.sleep(POLL_SECONDS)

    def _is_ready(self) -> bool:
        return self._ask().succeeds("/readyz")

    def _has_default_account(self) -> bool:
        return self._ask().succeeds("/api/v1/namespaces/default/serviceaccounts/default")

    def _ask(self) -> Administrator:
        assert self._administrator, "start the control plane first"
        return self._administrator

    def _lost_a_port(self, error: BaseException) -> bool:
        return isinstance(error, StartError) and PORT_IS_TAKEN in str(error)


def _is_established(definition: Mapping[str, Any]) -> bool:
    conditions = definition.get("status", {}).get("conditions") or ()
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


def pick_free_ports() -> Ports:
    """Pick ports that are free now; if another process is faster, `start` picks anew."""
    sockets = [socket.socket() for _ in range(3)]
    try:
        for candidate in sockets:
            candidate.bind((components.LOOPBACK, 0))
        return Ports(*(candidate.getsockname()[1] for candidate in sockets))
    finally:
        for candidate in sockets:
            candidate.close()
