"""What `nginx -V` says is read as it is, from builds of several makers."""

from __future__ import annotations

import pytest

from deployer.ports.nginx_build import Build, build_of

DEBIAN = """\
nginx version: nginx/1.22.1
built with OpenSSL 3.0.17 1 Jul 2025
TLS SNI support enabled
configure arguments: --with-cc-opt='-g -O2 -fPIE' --prefix=/usr/share/nginx --with-http_ssl_module \
--with-http_v2_module --with-stream=dynamic --with-mail --with-http_geoip_module=dynamic
"""
OFFICIAL = """\
nginx version: nginx/1.30.6
configure arguments: --prefix=/etc/nginx --user=nginx --group=nginx --with-stream
"""


@pytest.mark.parametrize(
    ("said", "build"),
    [
        (DEBIAN, Build((1, 22, 1), ("http_ssl_module", "http_v2_module", "mail"), "")),
        (OFFICIAL, Build((1, 30, 6), ("stream",), "nginx")),
        ("nginx version: openresty/1.27.1.2", Build((1, 27, 1), (), "")),
        ("sh: nginx: not found", None),
        ("", None),
    ],
)
def test_a_build_is_what_it_says_of_itself(said: str, build: Build | None) -> None:
    assert build_of(said) == build


@pytest.mark.parametrize(
    ("stated", "users", "chosen"),
    [
        ("nginx", {"nginx", "www-data"}, "nginx"),
        ("web", {"www-data", "nobody"}, "www-data"),
        ("", {"nobody"}, "nobody"),
        ("", set(), None),
    ],
)
def test_workers_run_as_the_builds_user_or_a_usual_one_that_exists(
    stated: str, users: set[str], chosen: str | None
) -> None:
    assert Build((1, 22, 0), (), stated).worker_user(users.__contains__) == chosen
