"""Which keys of `nginx:` belong to which mode."""

from __future__ import annotations

import pytest

from tests.config.conftest import Folder

OWN = "mode: container, container: edge-nginx, network: edge"


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("{mode: external}", "nginx.mode: no mode has this name. Write one of: managed, host, con"),
        (
            "{mode: host, image: a}",
            "nginx.image: this key is for mode managed, and the mode is host.",
        ),
        (
            "{mode: host, container: a}",
            "nginx.container: this key is for mode managed or con",
        ),
        (
            "{binary: /usr/sbin/nginx}",
            "nginx.binary: this key is for mode host, and the mode",
        ),
        ("{mode: container, network: a}", "nginx.container: this key is missing: mode container"),
        ("{mode: container, container: a}", "nginx.network: this key is missing: mode container"),
        ("{include: sites/*.conf}", "nginx.include: not a file or pattern that Nginx is given."),
        ("{include: ['/a/../b']}", "nginx.include: not a file or pattern that Nginx is given."),
        ('{include: "/a;b"}', "nginx.include: not a file or pattern that Nginx is given."),
    ],
)
def test_a_key_that_does_not_belong_or_fit_is_named(folder: Folder, said: str, line: str) -> None:
    [found] = folder.problems(f"nginx: {said}\napps: {{web: {{image: a}}}}\n")
    assert found.startswith(f"config.yml:1: {line}")


def test_each_mode_has_its_keys(folder: Folder) -> None:
    apps = "\napps: {web: {image: a}}\n"
    host = folder.load(f"nginx: {{mode: host, binary: /opt/nginx, include: /etc/n/*.conf}}{apps}")
    assert (host.nginx.mode, str(host.nginx.binary)) == ("host", "/opt/nginx")
    assert host.nginx.include == ("/etc/n/*.conf",)
    own = folder.load(f"nginx: {{{OWN}}}{apps}").nginx
    assert (own.mode, own.container, own.network) == ("container", "edge-nginx", "edge")


def test_the_receivers_site_needs_an_address_that_a_container_reaches(folder: Folder) -> None:
    text = (
        f"nginx: {{{OWN}}}\nreceiver: {{host: d.test, bind: ADDRESS}}\napps: {{web: {{image: a}}}}"
    )
    [line] = folder.problems(text.replace("ADDRESS", "127.0.0.1"))
    assert line.startswith(
        "config.yml:2: receiver.bind: Nginx in a container cannot reach loopback"
    )
    assert folder.problems(text.replace("ADDRESS", "0.0.0.0")) == []


ROUTE = "apps: {web: {image: a, route: {host: a.test, port: 80, KEY: VALUE}}}"


@pytest.mark.parametrize("key", ["template", "snippet"])
@pytest.mark.parametrize(
    "name", ["../a.conf.j2", "/a.conf.j2", "a b.conf.j2", "a.txt", "", ".conf"]
)
def test_a_template_of_an_app_is_the_name_of_a_file(folder: Folder, key: str, name: str) -> None:
    text = ROUTE.replace("KEY", key).replace("VALUE", f'"{name}"')
    (folder.path / "t").mkdir()
    [line] = folder.problems(f"nginx: {{templates: t}}\n{text}")
    assert line.startswith(f"config.yml:2: apps.web.route.{key}: ")
    assert "Write the name of a file in `nginx.templates`" in line


@pytest.mark.parametrize("key", ["template", "snippet"])
def test_a_template_of_an_app_needs_the_folder(folder: Folder, key: str) -> None:
    text = ROUTE.replace("KEY", key).replace("VALUE", "web.conf.j2")
    [line] = folder.problems(text)
    assert line.startswith(f"config.yml:1: apps.web.route.{key}: this names a file in")
    (folder.path / "t").mkdir()
    route = folder.load(f"nginx: {{templates: t}}\n{text}").apps["web"].route
    assert route is not None
    assert getattr(route, key) == "web.conf.j2"
