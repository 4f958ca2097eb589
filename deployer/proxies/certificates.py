"""Certificates and their keys: read from files, judged, and one chosen for each host."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PublicFormat

from deployer.errors import ProxyError
from deployer.routing import KeyPair

LIMIT = 1024 * 1024
_KEY = re.compile(rb"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?-----END \1PRIVATE KEY-----", re.DOTALL)
_CHAIN = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


class Unusable(ProxyError):
    """Why Nginx cannot be given this certificate, and what to do; never a word of the key."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that fits its key: both as Nginx gets them, whom it names and for how long.

    `begins` and `ends` are in seconds since 1970.
    """

    chain: str
    key: str
    names: frozenset[str]
    begins: float
    ends: float

    def covers(self, host: str) -> bool:
        """Whether it is for this host, as clients compare (RFC 9525): `*` is one whole label.

        Most take no wildcard for all of a top-level domain.
        """
        domain = host.partition(".")[2]
        if host.startswith("*.") or host not in self.names:
            return "." in domain and f"*.{domain}" in self.names
        return True

    def doubt(self, now: float) -> str:
        """Why clients refuse it at this moment; "" where they do not."""
        if now >= self.ends:
            return "it has expired"
        return "it is not valid yet" if now < self.begins else ""


@dataclass(slots=True)
class _Seen:
    stamp: tuple[tuple[int, int, int], ...]
    found: Certificate | Unusable


class Reader:
    """Reads pairs of files; what did not change since the last time is not read again."""

    def __init__(self) -> None:
        self._seen: dict[KeyPair, _Seen] = {}

    def read(self, pair: KeyPair) -> Certificate:
        """The certificate as its files are now. Raises Unusable."""
        stamp = tuple(_stamp(path) for path in (pair.certificate, pair.key))
        seen = self._seen.get(pair)
        if seen is None or seen.stamp != stamp:
            seen = self._seen[pair] = _Seen(stamp, _judged(pair))
        if isinstance(seen.found, Unusable):
            raise seen.found
        return seen.found


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        # Not of a link: what it leads to is what is replaced.
        status = path.stat()
    except OSError as error:
        return (-1, -1, error.errno or 0)
    return (status.st_ino, status.st_size, status.st_mtime_ns)


def _judged(pair: KeyPair) -> Certificate | Unusable:
    try:
        return certificate_of(_content(pair.certificate), _content(pair.key), pair)
    except Unusable as error:
        return error


def certificate_of(certificate: bytes, key: bytes, pair: KeyPair) -> Certificate:
    """What these contents of a pair's files are. Raises Unusable."""
    try:
        chain = [x509.load_pem_x509_certificate(one) for one in _CHAIN.findall(certificate)]
    except ValueError:
        raise Unusable(f"{pair.certificate} holds a damaged certificate. {_AGAIN}") from None
    if not chain:
        raise Unusable(f"{pair.certificate} holds no certificate in PEM. {_AGAIN}")
    found = _KEY.search(key)
    if found is None:
        raise Unusable(f"{pair.key} holds no private key in PEM. {_AGAIN}")
    try:
        private = serialization.load_pem_private_key(found[0], None)
    except TypeError:
        raise Unusable(
            f"the key in {pair.key} has a passphrase. Put it there without one, readable by "
            "nobody else"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise Unusable(f"the key in {pair.key} is damaged. {_AGAIN}") from None
    leaf = chain[0]
    public = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*public) != leaf.public_key().public_bytes(*public):
        raise Unusable(
            f"the key in {pair.key} does not fit the first certificate in {pair.certificate}. Put "
            "both there from one order, the host's own certificate first"
        )
    # Written anew, so that nothing else in those files comes along: many hold a key as well.
    pem = "".join(one.public_bytes(Encoding.PEM).decode() for one in chain)
    secret = private.private_bytes(
        Encoding.PEM, serialization.PrivateFormat.PKCS8, NoEncryption()
    ).decode()
    _try(pem, secret, pair)
    return Certificate(
        pem,
        secret,
        _names(leaf),
        leaf.not_valid_before_utc.timestamp(),
        leaf.not_valid_after_utc.timestamp(),
    )


_AGAIN = "Put the file there again, as the certificate authority gave it"


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LIMIT + 1)
    except FileNotFoundError:
        raise Unusable(f"there is no file {path}. Put it there, or correct `tls`") from None
    except OSError as error:
        raise Unusable(
            f"{path} cannot be read: {error.strerror}. Let the worker's user read it"
        ) from None
    if len(content) > LIMIT:
        raise Unusable(f"{path} is larger than 1 MiB. {_AGAIN}")
    return content


def _try(chain: str, key: str, pair: KeyPair) -> None:
    """Let the TLS library take both, as Nginx will: it refuses keys that are too weak."""
    # In memory: a key is in no other file than those of the user and of generations.
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii", closefd=False) as file:
            file.write(chain + key)
        own = f"/proc/self/fd/{descriptor}"
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(own)
    except (ssl.SSLError, ValueError) as error:
        why = getattr(error, "reason", None) or "it cannot be used"
        words = str(why).replace("_", " ").lower()
        raise Unusable(
            f"the TLS library refuses {pair.certificate}: {words}. Order another one"
        ) from None
    finally:
        os.close(descriptor)


def _names(leaf: x509.Certificate) -> frozenset[str]:
    """The host names that it is for; the subject's common name counts for no client any more."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names: Iterable[str] = found.value.get_values_for_type(x509.DNSName)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        names = ()
    return frozenset(name.lower() for name in names)
