"""What is read of a certificate, and for whom it is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from deployer.config.values import Nginx as Settings
from deployer.errors import RenderRefused
from deployer.ports import NginxFacts
from deployer.proxies.certificates import Reader, Unusable
from deployer.proxies.choice import Certificates
from deployer.proxies.rendering import Rendering
from deployer.proxies.templates import package_templates
from deployer.routing import Front, KeyPair, Route, Target
from tests.proxies.authority import Authority

HERE = (Target("10.0.0.1", 80),)
DAY = 86400.0


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "tls")


@pytest.mark.parametrize(
    ("name", "host", "covered"),
    [
        ("a.e", "a.e", True),
        ("A.e", "a.e", True),
        ("*.a.e", "b.a.e", True),
        ("*.a.e", "c.b.a.e", False),
        ("*.a.e", "a.e", False),
        ("*.a.e", "*.a.e", True),
        ("b.a.e", "*.a.e", False),
        ("*.b.a.e", "*.a.e", False),
        ("*.e", "a.e", False),
        ("*.e", "*.e", False),
    ],
)
def test_a_wildcard_is_for_one_whole_label(
    authority: Authority, name: str, host: str, covered: bool
) -> None:
    assert Reader().read(authority.order("one", name)).covers(host) is covered


def test_only_certificates_and_the_key_come_out_of_the_files(authority: Authority) -> None:
    """Many tools keep the key in the certificate's file: it must not get into a public one."""
    pair = authority.order("one", "a.e")
    both = pair.certificate.read_text() + "notes\n" + pair.key.read_text()
    pair.certificate.write_text(both)
    found = Reader().read(KeyPair(pair.certificate, pair.certificate))
    assert "PRIVATE" not in found.chain
    assert "notes" not in found.chain + found.key
    assert found.chain.count("BEGIN CERTIFICATE") == 2
    assert found.key.count("BEGIN") == 1


def test_a_key_that_the_tls_library_takes_for_too_weak_is_named_before_nginx_refuses_it(
    authority: Authority, tmp_path: Path
) -> None:
    pair = authority.pair("weak")
    order = "openssl req -x509 -newkey rsa:512 -nodes -subj /CN=a.e -addext subjectAltName=DNS:a.e"
    subprocess.run(
        [*order.split(), "-keyout", str(pair.key), "-out", str(pair.certificate)],
        check=True,
        capture_output=True,
    )
    with pytest.raises(Unusable, match=r"refuses .*weak\.pem: ee key too small"):
        Reader().read(pair)


def test_of_certificates_that_are_not_for_a_host_nothing_but_that_is_said(
    authority: Authority,
) -> None:
    pair = authority.order("one", "a.e")
    chosen = Certificates(Settings(tls=(pair,)), None).choose(
        [Route("web", ("a.e", "b.e"), "/", HERE)], None
    )
    assert chosen.hosts == {"a.e": "default.1"}
    (good, bad) = sorted(chosen.seen, key=lambda one: one.hosts)
    assert (good.problem, good.hosts) == ("", ("a.e",))
    assert bad.ends is None
    assert bad.problem.startswith("no certificate is for b.e. ")


def test_time_alone_can_change_what_is_said(authority: Authority) -> None:
    pair = authority.order("one", "a.e")
    now = [0.0]
    certificates = Certificates(Settings(tls=(pair,)), None, lambda: now[0])
    routes = [Route("web", ("a.e",), "/", HERE)]
    ends = Reader().read(pair).ends
    said = []
    for now[0] in (ends - DAY, ends + DAY, 0.0):
        (seen,) = certificates.choose(routes, None).seen
        said.append(seen.problem)
        assert seen.ends == ends
    assert said[0] == ""
    assert "it has expired" in said[1]
    assert "it is not valid yet" in said[2]


def test_an_older_nginx_is_told_of_http_2_where_it_looks_for_that(authority: Authority) -> None:
    pair = authority.order("one", "a.e")
    rendering = Rendering(Settings(tls=(pair,)), None, [package_templates()])
    routes = [Route("web", ("a.e",), "/", HERE)]
    files = {
        version: rendering.files(routes, NginxFacts(version, "nginx"), 1)["sites/web.conf"]
        for version in ((1, 22, 1), (1, 25, 1))
    }
    assert "listen 443 ssl http2;" in files[1, 22, 1]
    assert "http2 on;" not in files[1, 22, 1]
    assert "listen 443 ssl;" in files[1, 25, 1]
    assert "http2 on;" in files[1, 25, 1]


def test_the_name_of_an_app_never_leads_out_of_the_folder_of_certificates(
    authority: Authority,
) -> None:
    pair = authority.order("one", "a.e")
    rendering = Rendering(Settings(), None, [package_templates()])
    front = Front(pairs=(pair,))
    with pytest.raises(RenderRefused, match="the name"):
        rendering.files(
            [Route("../x", ("a.e",), "/", HERE, front=front)], NginxFacts((1, 30, 0), ""), 1
        )
