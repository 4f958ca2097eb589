"""A client of a real Nginx, by TLS and by plain HTTP, that trusts one authority alone."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from dataclasses import replace
from typing import Any

from deployer.routing import Front, Route
from tests.proxies.authority import Authority
from tests.proxies.rig import NginxRig


class Tls:
    """An Nginx with certificates of an authority, and a client that trusts it."""

    def __init__(self, rig: NginxRig, authority: Authority) -> None:
        self.rig, self.authority = rig, authority
        self.port = rig.settings.https_port

    def route(self, app: str, *hosts: str, front: Front | None = None, path: str = "/") -> Route:
        made = self.rig.route(app, app, path=path)
        return replace(made, hosts=hosts, front=front or Front())

    def own(self, name: str, **more: Any) -> Front:
        return Front(pairs=(self.authority.pair(name),), **more)

    def apply(self, *routes: Route) -> None:
        self.rig.proxy.apply(routes)

    def serial(self, host: str) -> int:
        return self.authority.shown(self.port, host)[0]

    def get(
        self, url: str, method: str = "GET", verify: bool = True
    ) -> tuple[int, dict[str, str], str]:
        """Status, headers and body of a request to `scheme://host/path`."""
        scheme, _, rest = url.partition("://")
        host, slash, path = rest.partition("/")
        connection: http.client.HTTPConnection
        if scheme == "https":
            context = self.authority.context()
            if not verify:
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection = _Named(host, self.port, context)
        else:
            connection = http.client.HTTPConnection(
                "127.0.0.1", self.rig.settings.http_port, timeout=5
            )
        try:
            connection.request(method, f"{slash}{path}", headers={"Host": host})
            answer = connection.getresponse()
            headers = {key.lower(): value for key, value in answer.getheaders()}
            return answer.status, headers, answer.read().decode()
        finally:
            connection.close()

    def answers(self, url: str) -> str:
        """The name of the replica that answers."""
        status, _, body = self.get(url)
        assert status == 200, (status, body)
        name: str = json.loads(body)["name"]
        return name

    def refuses(self, host: str) -> bool:
        """Whether the handshake for this name is rejected, and nothing is shown."""
        try:
            self.get(f"https://{host}/", verify=False)
        except ssl.SSLError as error:
            return "UNRECOGNIZED_NAME" in str(error)
        return False

    def problems(self) -> list[str]:
        seen = self.rig.proxy.certificates()
        return [one.problem for one in seen if one.problem and one.app != "receiver.host"]


class _Named(http.client.HTTPSConnection):
    """A connection to this machine, by the name that is asked for."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__("127.0.0.1", port, timeout=5, context=context)
        self._name, self._own = host, context

    def connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", self.port), 5)
        self.sock = self._own.wrap_socket(plain, server_hostname=self._name)
