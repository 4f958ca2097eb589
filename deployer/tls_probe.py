"""A request by TLS to an address, under the name of a host: how a site is asked from outside."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

# A probe's own time is kept by who asks; this one ends what nobody waits for any more (seconds).
_LIMIT = 60.0
# What a server says that has no certificate for a name.
_NONE_SHOWN = frozenset({"TLSV1_UNRECOGNIZED_NAME", "SSLV3_ALERT_HANDSHAKE_FAILURE"})


@dataclass(frozen=True, slots=True)
class Doors:
    """Where a proxy listens, and whether it has default certificates."""

    http_port: int
    https_port: int = 443
    default_tls: bool = False


class NoTls(Exception):
    """There is no TLS for this host: nobody listens, or has a certificate for it."""


def status_by_tls(
    address: str, port: int, host: str, path: str, headers: Mapping[str, str], most: int
) -> int:
    """The status of a GET, of whose answer at most so many bytes are read.

    The certificate is not judged: that is told elsewhere, and no deployment is to fail for it.
    Raises NoTls, OSError or HTTPException.
    """
    connection = _Named(address.strip("[]"), port, host)
    try:
        connection.request("GET", path, headers={**headers, "Host": host})
        response = connection.getresponse()
        response.read(most)
        return response.status
    except ConnectionRefusedError as error:
        raise NoTls from error
    except ssl.SSLError as error:
        if error.reason in _NONE_SHOWN:
            raise NoTls from error
        raise
    finally:
        connection.close()


class _Named(http.client.HTTPSConnection):
    """A connection to an address, by the name of a host."""

    def __init__(self, address: str, port: int, host: str) -> None:
        self._trust = ssl.create_default_context()
        self._trust.check_hostname = False
        self._trust.verify_mode = ssl.CERT_NONE
        super().__init__(address, port, timeout=_LIMIT, context=self._trust)
        self._name = host

    def connect(self) -> None:
        plain = socket.create_connection((self.host, self.port), _LIMIT)
        self.sock = self._trust.wrap_socket(plain, server_hostname=self._name)
