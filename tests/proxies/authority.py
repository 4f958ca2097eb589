"""Certificates as an authority gives them, and as they go wrong."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from deployer.routing import KeyPair

DAY = timedelta(days=1)


class Authority:
    """Orders certificates to files of a folder; clients trust it by `context`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        now = datetime.now(UTC)
        self.certificate = (
            x509.CertificateBuilder()
            .subject_name(self._name)
            .issuer_name(self._name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
            .public_bytes(Encoding.PEM)
        )

    def pair(self, name: str) -> KeyPair:
        """The files that `order` writes under this name."""
        return KeyPair(self.folder / f"{name}.pem", self.folder / f"{name}.key")

    def order(
        self,
        name: str,
        *hosts: str,
        begins: timedelta = -DAY,
        ends: timedelta = 90 * DAY,
        passphrase: bytes = b"",
    ) -> KeyPair:
        """A new certificate for these hosts; times are from now. Replaces files by rename."""
        key, now, pair = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC), self.pair(name)
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins)
            .not_valid_after(now + ends)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=True
            )
            .sign(self._key, hashes.SHA256())
        )
        secrecy = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secrecy)
        _put(pair.certificate, made.public_bytes(Encoding.PEM) + self.certificate)
        _put(pair.key, secret, 0o600)
        return pair

    def context(self) -> ssl.SSLContext:
        """A client that trusts this authority alone, and would speak HTTP/2."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.certificate.decode())
        return context

    @contextmanager
    def connected(self, port: int, host: str, *protocols: str) -> Iterator[ssl.SSLSocket]:
        """A connection to a host of this machine, whose certificate is valid."""
        context = self.context()
        if protocols:
            context.set_alpn_protocols(list(protocols))
        with (
            socket.create_connection(("127.0.0.1", port), 5) as connection,
            context.wrap_socket(connection, server_hostname=host) as client,
        ):
            yield client

    def shown(self, port: int, host: str, *protocols: str) -> tuple[int, str | None]:
        """The serial number of the certificate for a host, which is valid, and what is spoken."""
        with self.connected(port, host, *protocols) as client:
            found = x509.load_der_x509_certificate(client.getpeercert(binary_form=True) or b"")
            return found.serial_number, client.selected_alpn_protocol()


def serial(pair: KeyPair) -> int:
    """The serial number of the certificate in a file."""
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes()).serial_number


def _put(path: Path, content: bytes, mode: int = 0o644) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.chmod(mode)
    new.replace(path)
