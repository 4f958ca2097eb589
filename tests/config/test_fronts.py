"""TLS, wildcards and redirects in config.yml: what is read, and what does not fit together."""

from __future__ import annotations

import pytest

from deployer.routing import Front, Https, KeyPair
from tests.config.conftest import Folder

APPS = "apps:\n  web:\n    image: docker.io/acme/web\n    route: {{host: a.e, port: 80{}}}\n"
DEFAULT = "nginx: {tls: {certificate: a.pem, key: a.key}}\n"


def front(folder: Folder, more: str, before: str = DEFAULT) -> Front:
    rule = folder.load(before + APPS.format(more)).apps["web"].route
    assert rule is not None
    return rule.front


def test_files_start_from_the_folder_of_config_yml_and_need_not_be_there(folder: Folder) -> None:
    """A missing one takes away a site's TLS, not the whole configuration."""
    pair = KeyPair(folder.path / "b.pem", folder.path / "b.key")
    said = front(folder, ", tls: {certificate: b.pem, key: b.key}")
    assert said == Front(pairs=(pair,))
    config = folder.load(DEFAULT + "receiver: {host: h.e, tls: [{certificate: b.pem, key: b.key}]}")
    assert config.receiver.front.pairs == (pair,)
    assert config.nginx.tls == (KeyPair(folder.path / "a.pem", folder.path / "a.key"),)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", Front()),
        (", tls: on", Front()),
        (", tls: off", Front(plain=True)),
        (", https: both", Front(https=Https.BOTH)),
        (", hsts: 180d", Front(hsts=180 * 86400.0)),
        (", hsts: 1h", Front(hsts=3600.0)),
        (", hsts: off", Front()),
        (", redirect_from: ['*.a.e']", Front(redirect_from=("*.a.e",))),
    ],
)
def test_what_is_written_is_what_is_meant(folder: Folder, more: str, expected: Front) -> None:
    assert front(folder, more) == expected


@pytest.mark.parametrize(
    ("before", "more", "line"),
    [
        (DEFAULT, ", tls: maybe", "apps.web.route.tls: neither on nor off."),
        (DEFAULT, ", tls: {key: x}", "apps.web.route.tls: 'certificate' is missing."),
        (DEFAULT, ", https: never", "apps.web.route.https: not a value that this key has."),
        (DEFAULT, ", hsts: 1s", "apps.web.route.hsts: not a duration that fits here."),
        (DEFAULT, ", hsts: 9999d", "apps.web.route.hsts: not a duration that fits here."),
        ("", ", tls: on", "apps.web.route.tls: there is no default certificate."),
        ("", ", https: only", "apps.web.route.https: this app has no TLS."),
        (DEFAULT, ", tls: off, hsts: 1d", "apps.web.route.hsts: this app has no TLS."),
        (DEFAULT, ", redirect_from: [a.e]", "a.e belongs to web already."),
        (DEFAULT, ", redirect_from: ['*']", "not a host name."),
        (DEFAULT, ", redirect_from: ['a.*.e']", "not a host name."),
        ("receiver: {host: h.e}\n", ", redirect_from: [h.e]", "h.e is the receiver's own host."),
        ("receiver: {host: h.e, tls: on}\n", "", "receiver.tls: there is no default certificate."),
        ("receiver: {tls: off}\n", "", "receiver.tls: Nginx has no site for it."),
        ("nginx: {https_port: 80}\n", "", "nginx.https_port: port 80 is nginx.http_port too."),
    ],
)
def test_what_cannot_be_served_is_one_line(
    folder: Folder, before: str, more: str, line: str
) -> None:
    (problem,) = folder.problems(before + APPS.format(more))
    assert line in problem


def test_requests_are_not_redirected_to_a_wildcard(folder: Folder) -> None:
    text = APPS.replace("host: a.e", "hosts: ['*.a.e', b.e]").format(", redirect_from: [c.e]")
    (problem,) = folder.problems(text)
    assert "requests cannot be sent to *." in problem


def test_apps_on_one_host_say_the_same_of_its_tls_or_nothing(folder: Folder) -> None:
    other = (
        "  api:\n    image: docker.io/acme/api\n    route: {host: a.e, path: /api, port: 80%s}\n"
    )
    text = DEFAULT + APPS.format(", https: both")
    assert folder.problems(text + other % "") == []
    assert folder.problems(text + other % ", https: both") == []
    (problem,) = folder.problems(text + other % ", https: only")
    assert "apps.api.route: app web says something else about TLS of a.e." in problem


def test_two_apps_cannot_have_the_same_wildcard_and_path(folder: Folder) -> None:
    other = "  api:\n    image: docker.io/acme/api\n    route: {host: '*.e', port: 80}\n"
    text = APPS.replace("host: a.e", "host: '*.E'").format("") + other
    (problem,) = folder.problems(text)
    assert "*.e/ belongs to app web already" in problem
    assert folder.problems(APPS.format("") + other) == []
