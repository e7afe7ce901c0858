"""Certificates say who somebody is, and a kubeconfig carries them."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from devcluster.certificates import CertificateAuthority
from devcluster.errors import DevClusterError
from devcluster.kubeconfigs import Kubeconfig

AUTHORITY = CertificateAuthority.create()


def test_a_client_has_its_user_and_its_groups() -> None:
    pair = AUTHORITY.issue_client("jane", ["developers", "testers"])

    subject = x509.load_pem_x509_certificate(pair.certificate).subject
    read = {
        oid: [name.value for name in subject.get_attributes_for_oid(oid)]
        for oid in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
    }
    assert list(read.values()) == [["jane"], ["developers", "testers"]]


def test_a_certificate_is_signed_by_the_authority() -> None:
    server = AUTHORITY.issue_server(["localhost"], ["127.0.0.1"])

    certificate = x509.load_pem_x509_certificate(server.certificate)
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(AUTHORITY.pem))


def test_a_kubeconfig_is_read_as_it_was_written_and_is_private(tmp_path: Path) -> None:
    written = Kubeconfig("https://127.0.0.1:1", AUTHORITY.pem, AUTHORITY.issue_client("jane"))
    written.write(tmp_path / "config")

    assert Kubeconfig.read(tmp_path / "config") == written
    assert (tmp_path / "config").stat().st_mode & 0o077 == 0
    written.build_ssl_context()


def test_a_kubeconfig_without_a_client_certificate_is_refused(tmp_path: Path) -> None:
    written = Kubeconfig("https://127.0.0.1:1", AUTHORITY.pem, AUTHORITY.issue_client("jane"))
    written.write(tmp_path / "config")
    text = (tmp_path / "config").read_text().replace("client-certificate-data", "token")
    (tmp_path / "config").write_text(text)

    with pytest.raises(DevClusterError, match="has no client-certificate"):
        Kubeconfig.read(tmp_path / "config")
