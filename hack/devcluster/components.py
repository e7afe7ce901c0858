"""What the parts of a control plane are started with: command lines only, nothing runs here.

`control_plane` is the only caller. Each builder takes the `Layout` of one cluster, so that
several clusters on a machine differ in nothing but that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ETCD = "etcd"
API_SERVER = "kube-apiserver"
CONTROLLER_MANAGER = "kube-controller-manager"
SCHEDULER = "kube-scheduler"

LOOPBACK = "127.0.0.1"
SERVICE_RANGE = "10.96.0.0/16"
SERVER_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
SERVER_ADDRESSES = (LOOPBACK, "10.96.0.1")

# Client-side limits of 20 requests a second would hold a test with hundreds of pods back.
UNTHROTTLED = ("--kube-api-qps=2000", "--kube-api-burst=4000")

AUDIT_POLICY = """\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules: [{level: Metadata}]
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """The loopback ports of one cluster."""

    etcd: int
    etcd_peer: int
    api_server: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where one cluster keeps its files and on which ports it listens."""

    folder: Path
    ports: Ports
    controllers: bool
    audit_log: Path | None

    @property
    def certificates(self) -> Path:
        """The folder of keys and certificates."""
        return self.folder / "pki"

    @property
    def audit_policy(self) -> Path:
        """The file that says what is audited."""
        return self.folder / "audit-policy.yaml"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "admin.kubeconfig"

    @property
    def url(self) -> str:
        """Where the API server answers."""
        return f"https://{LOOPBACK}:{self.ports.api_server}"


def build_etcd_flags(layout: Layout) -> list[str]:
    """Build the command line of etcd: one member, no fsync since nothing outlives a test."""
    client = f"http://{LOOPBACK}:{layout.ports.etcd}"
    peer = f"http://{LOOPBACK}:{layout.ports.etcd_peer}"
    return [
        f"--data-dir={layout.folder / 'etcd'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def build_api_server_flags(layout: Layout) -> list[str]:
    """Build the command line of the API server: RBAC and the default admission plugins are on."""
    pki = layout.certificates
    flags = [
        f"--etcd-servers=http://{LOOPBACK}:{layout.ports.etcd}",
        f"--secure-port={layout.ports.api_server}",
        f"--bind-address={LOOPBACK}",
        f"--advertise-address={LOOPBACK}",
        "--endpoint-reconciler-type=none",  # a loopback address is no valid endpoint
        f"--tls-cert-file={pki / 'apiserver.crt'}",
        f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}",
        f"--service-account-key-file={pki / 'sa.key'}",
        f"--service-account-signing-key-file={pki / 'sa.key'}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-cluster-ip-range={SERVICE_RANGE}",
        "--authorization-mode=Node,RBAC",
        # How it reaches a node for `kubectl logs`.
        f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'kubelet-client.key'}",
        "--kubelet-preferred-address-types=InternalIP",
    ]
    if not layout.controllers:  # nobody would make the default service account that it asks for
        flags.append("--disable-admission-plugins=ServiceAccount")
    if layout.audit_log:
        flags.append(f"--audit-policy-file={layout.audit_policy}")
        flags.append(f"--audit-log-path={layout.audit_log}")
    return flags


def build_controller_manager_flags(layout: Layout) -> list[str]:
    """Build the command line of the controller manager.

    With an account per controller the default service account would appear 4 seconds later, and a
    claim that comes before its volume would be looked at again after 15.
    """
    return [
        f"--kubeconfig={layout.kubeconfig}",
        f"--service-account-private-key-file={layout.certificates / 'sa.key'}",
        f"--root-ca-file={layout.certificates / 'ca.crt'}",
        "--use-service-account-credentials=false",
        "--leader-elect=false",
        "--secure-port=0",  # no port to collide with; nobody asks for its health
        "--pvclaimbinder-sync-period=1s",
        *UNTHROTTLED,
    ]


def build_scheduler_flags(layout: Layout) -> list[str]:
    """Build the command line of the scheduler."""
    return [
        f"--kubeconfig={layout.kubeconfig}",
        "--leader-elect=false",
        "--secure-port=0",
        *UNTHROTTLED,
    ]


FLAGS: dict[str, Callable[[Layout], list[str]]] = {
    ETCD: build_etcd_flags,
    API_SERVER: build_api_server_flags,
    CONTROLLER_MANAGER: build_controller_manager_flags,
    SCHEDULER: build_scheduler_flags,
}
