"""Asking a site through a proxy that serves it by TLS."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.health import Prober
from deployer.model import HealthCheck
from deployer.tls_probe import Doors
from tests.lab.ports import free_port
from tests.proxies.authority import Authority
from tests.test_health import says, server


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[int, list[str]]]:
    """A server that has TLS for web.example.com alone; and for whom it was asked."""
    pair = Authority(tmp_path / "tls").order("web", "web.example.com")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    asked: list[str] = []

    def named(_: object, name: str, __: object) -> int | None:
        asked.append(name)
        return None if name == "web.example.com" else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context.sni_callback = named
    with server(says(204), context) as port:
        yield port, asked


def test_a_site_with_tls_is_asked_by_that_under_its_name(secure: tuple[int, list[str]]) -> None:
    """Plain HTTP would only show a redirect, whatever the app does."""
    port, asked = secure
    with server(says(308)) as plain:
        answer = Prober(Doors(plain, port, default_tls=True)).ask_through_proxy(
            "web.example.com", "/", HealthCheck(port=1)
        )
    assert (answer.words, asked) == ("HTTP 204", ["web.example.com"])


@pytest.mark.parametrize("host", ["other.example.com", "web.example.com"])
def test_a_site_whose_certificate_cannot_be_used_is_asked_by_plain_http(
    secure: tuple[int, list[str]], host: str
) -> None:
    port = secure[0] if host == "other.example.com" else free_port()
    with server(says(200)) as plain:
        prober = Prober(Doors(plain, port, default_tls=True))
        answer = prober.ask_through_proxy(host, "/", HealthCheck(port=1))
    assert answer.words == "HTTP 200"
