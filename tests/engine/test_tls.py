"""A whole deployer with a certificate: deployments, a replaced file, one that is lost."""

from __future__ import annotations

import http.client
import json

import pytest

from tests.engine.world import World, world
from tests.lab.ports import free_port
from tests.lab.shell import wait_until
from tests.proxies.authority import Authority, serial

pytestmark = [pytest.mark.lab, pytest.mark.root, pytest.mark.long]


def test_a_site_with_tls_is_deployed_and_follows_its_files() -> None:
    """Through all of it: the proof at the switch is by TLS, since plain HTTP only redirects."""
    with world("tls") as one:
        port = free_port()
        one.deployer.set("DEPLOYER_NGINX__HTTPS_PORT", str(port))
        one.configure(nginx={"tls": {"certificate": "tls/own.pem", "key": "tls/own.key"}})
        authority = Authority(one.path / "tls")
        pair = authority.order("own", one.web.host, f"{one.name}.test")
        app = one.web
        app.push("v1")
        one.deployer.start()
        ended = one.deployer.wait_ended(1)
        assert ended["status"] == "succeeded", ended["reason"]
        assert app.ask()[0] == 308
        assert authority.shown(port, app.host) == (serial(pair), None)
        (seen,) = [x for x in told(one) if x["app"] == app.name]
        assert (seen["days_left"], seen["problem"]) == (89, None)

        new = serial(authority.order("own", one.web.host, f"{one.name}.test"))
        wait_until(lambda: authority.shown(port, app.host)[0] == new, "the new certificate")

        pair.key.unlink()
        wait_until(lambda: any(x["problem"] for x in told(one)), "the trouble")
        assert f"there is no file {pair.key}" in json.dumps(one.deployer.api("status")["troubles"])
        ended = app.deploy("v2")
        assert ended["status"] == "succeeded", ended["reason"]
        assert authority.shown(port, app.host)[0] == new
        assert by_tls(authority, port, app.host) == "v2"


def told(one: World) -> list[dict[str, object]]:
    """What the API says of certificates."""
    found: list[dict[str, object]] = one.deployer.api("status")["certificates"]
    return found


def by_tls(authority: Authority, port: int, host: str) -> str:
    """What the app answers by TLS."""
    with authority.connected(port, host) as client:
        request = f"GET /version HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        client.sendall(request.encode())
        answer = http.client.HTTPResponse(client)
        answer.begin()
        return answer.read().decode()
