"""Templates that break or say something else are refused by name; harmless changes are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.config.values import Nginx as Settings
from deployer.errors import RenderRefused
from deployer.ports import NginxFacts
from deployer.proxies.rendering import Rendering
from deployer.proxies.sites import ReceiverSite
from deployer.proxies.templates import package_templates
from deployer.routing import Route, Target

FACTS = NginxFacts((1, 30, 6), "nginx")
RECEIVER = ReceiverSite("hooks.example", "127.0.0.1", 5000, 1024)
WEB = Route("web", ("web.example",), "/", (Target("10.0.0.1", 80), Target("10.0.0.2", 80)))
PACKAGE = package_templates()
SITE, LOCATIONS, UPSTREAM = "site.conf.j2", "locations.conf.j2", "upstream.conf.j2"


def rendering(*folders: Path) -> Rendering:
    return Rendering(Settings(), RECEIVER, [*folders, PACKAGE])


def refusal(folder: Path, template: str, text: str) -> str:
    """What is said about this template in the user's folder."""
    (folder / template).write_text(text)
    with pytest.raises(RenderRefused) as refused:
        rendering(folder).files([WEB], FACTS, 1)
    return str(refused.value)


def changed(template: str, old: str, new: str) -> str:
    text = (PACKAGE / template).read_text()
    assert old in text
    return text.replace(old, new, 1)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("# a\n{% if %}\n", 2),
        ("# a\n\n{{ app }\n", 3),
        ("# a\n{{ no_such_thing }}\n", 2),
        ("# a\n{{ app.__class__.__mro__ }}\n", 2),
        ("# a\n\n{{ 1 / 0 }}\n", 3),
        ("# a\n{{ app + 1 }}\n", 2),
        ("# a\n{{ targets.append('x') }}\n", 2),
    ],
)
def test_a_template_that_cannot_be_rendered_is_named_with_its_line(
    tmp_path: Path, text: str, line: int
) -> None:
    assert f"{tmp_path / 'site.conf.j2'}:{line} cannot be" in refusal(tmp_path, SITE, text)


def test_an_error_in_an_included_template_names_that_one(tmp_path: Path) -> None:
    said = refusal(tmp_path, "headers.conf.j2", "\n{{ nothing }}\n")
    assert f"{tmp_path / 'headers.conf.j2'}:2" in said


@pytest.mark.parametrize(
    "template",
    ["nginx.conf.j2", SITE, LOCATIONS, UPSTREAM, "receiver.conf.j2"],
)
def test_an_empty_template_is_refused(tmp_path: Path, template: str) -> None:
    said = refusal(tmp_path, template, "")
    assert f".conf:1, rendered from {tmp_path / template}" in said
    assert "is missing" in said


@pytest.mark.parametrize(
    ("template", "old", "new", "words"),
    [
        (
            UPSTREAM,
            "    server {{ target }}",
            "    server 6.6.6.6:80",
            "server 6.6.6.6:80",
        ),
        (UPSTREAM, "keepalive 0;", "server 6.6.6.6:80;", "server 6.6.6.6:80"),
        (UPSTREAM, "keepalive 0;", "server 10.0.0.1:80 backup;", "backup"),
        (LOCATIONS, "{{ passed_to }}", "http://6.6.6.6", "http://6.6.6.6"),
        (LOCATIONS, "proxy_pass", "return 301 http://x/;\nproxy_pass", "return 301"),
        (LOCATIONS, "proxy_pass", "rewrite ^ /x;\nproxy_pass", "rewrite"),
        (LOCATIONS, "proxy_pass", "if ($host) { return 200 x; }\nproxy_pass", "if "),
        (LOCATIONS, "proxy_pass", "mirror /x;\nproxy_pass", "mirror"),
        (
            LOCATIONS,
            "proxy_pass",
            "include /etc/passwd;\nproxy_pass",
            "include /etc/passwd",
        ),
        (LOCATIONS, "proxy_pass", "access_log /tmp/x;\nproxy_pass", "access_log /tmp/x"),
        (LOCATIONS, "proxy_pass", "error_log /tmp/x;\nproxy_pass", "error_log /tmp/x"),
        (LOCATIONS, "proxy_pass", "alias /etc/;\nproxy_pass", "alias /etc/"),
        (LOCATIONS, "proxy_pass", "root /etc;\nproxy_pass", "root /etc"),
        (LOCATIONS, "proxy_pass", "js_content x;\nproxy_pass", "js_content"),
        (LOCATIONS, "proxy_pass", "perl x;\nproxy_pass", "perl x"),
        (LOCATIONS, "proxy_pass", "content_by_lua_file x;\nproxy_pass", "content_by_lua"),
        (SITE, 'join(" ") }}', 'join(" ") }} evil.example', "evil.example"),
        (SITE, "listen {{ http_port }}", "listen 8443", "listen 8443"),
        (
            SITE,
            "server {",
            "server { listen 80; server_name x; }\nserver {",
            "name x",
        ),
        (LOCATIONS, "location {{ match }}", "location /y", "location /y"),
        ("nginx.conf.j2", "user {{ user }};", "user root;", "user root"),
        ("nginx.conf.j2", "events {", "load_module x.so;\nevents {", "load_module x.so"),
        ("nginx.conf.j2", "events {", "ssl_engine x;\nevents {", "ssl_engine x"),
        ("nginx.conf.j2", "events {", "stream { }\nevents {", "stream"),
        ("nginx.conf.j2", "pid {{ pid }}", "pid /tmp/x", "pid /tmp/x"),
        ("nginx.conf.j2", "sites/*.conf", "/etc/nginx/conf.d/*.conf", "include /etc/nginx"),
        ("nginx.conf.j2", "return 444", "return 200 hello", "return 200 hello"),
        ("nginx.conf.j2", 'return 200 "{{ generation }}"', "return 200 9", "return 200 9"),
        ("nginx.conf.j2", "    include sites/*.conf;\n", "", "include sites/*.conf"),
        ("receiver.conf.j2", "error_log /dev/null crit", "error_log stderr", "error_log stderr"),
        ("receiver.conf.j2", "http://{{ address }}", "http://6.6.6.6", "http://6.6.6.6"),
        ("receiver.conf.j2", "{{ access_log }} receiver", "/dev/stdout", "access_log /dev/stdout"),
    ],
)
def test_a_template_that_says_something_else_than_the_routes_is_refused(
    tmp_path: Path, template: str, old: str, new: str, words: str
) -> None:
    said = refusal(tmp_path, template, changed(template, old, new))
    assert words in said
    assert f"rendered from {tmp_path / template}" in said


def test_the_line_of_what_should_not_be_there_is_named(tmp_path: Path) -> None:
    text = changed(LOCATIONS, "proxy_pass", "return 200 x;\n        proxy_pass")
    said = refusal(tmp_path, LOCATIONS, text)
    lines = rendering().files([WEB], FACTS, 1)["locations/web.conf"].splitlines()
    line = next(n for n, words in enumerate(lines, 1) if "proxy_pass" in words)
    assert said.startswith(f"locations/web.conf:{line}, rendered from")


@pytest.mark.parametrize("text", ["server {", "}", "a 'b", "upstream x { server 1.2.3.4; } }"])
def test_what_cannot_be_parsed_is_refused(tmp_path: Path, text: str) -> None:
    assert "sites/web.conf:1" in refusal(tmp_path, SITE, text)


@pytest.mark.parametrize(
    ("template", "old", "new"),
    [
        (
            LOCATIONS,
            "proxy_pass",
            "add_header X-A 1;\nproxy_set_header X-B 2;\nproxy_pass",
        ),
        (
            LOCATIONS,
            "proxy_pass",
            "proxy_read_timeout 1h;\nproxy_buffering off;\nproxy_pass",
        ),
        (UPSTREAM, "max_fails=1", "max_fails=5"),
        (UPSTREAM, "keepalive 0;", "least_conn;"),
        ("nginx.conf.j2", "client_max_body_size 100m", "client_max_body_size 1g"),
        ("nginx.conf.j2", "    sendfile on;", "    gzip on;\n    map $a $b { default 1; }"),
        ("receiver.conf.j2", "rate=10r/s", "rate=50r/s"),
    ],
)
def test_a_users_template_may_add_what_routes_nothing(
    tmp_path: Path, template: str, old: str, new: str
) -> None:
    (tmp_path / template).write_text(changed(template, old, new))
    files = rendering(tmp_path).files([WEB], FACTS, 1)
    assert any(new.splitlines()[0].strip() in text for text in files.values())


def test_a_template_that_forgets_the_routes_is_found_though_its_text_is_unchanged(
    tmp_path: Path,
) -> None:
    one = rendering(tmp_path)
    (tmp_path / UPSTREAM).write_text(one.files([WEB], FACTS, 1)["upstreams/web.conf"])
    one.files([WEB], FACTS, 1)
    moved = Route("web", ("web.example",), "/", (Target("10.0.0.9", 80),))
    with pytest.raises(RenderRefused, match=r"server 10\.0\.0\.1:80"):
        one.files([moved], FACTS, 2)


def test_a_template_put_into_the_folder_later_is_used(tmp_path: Path) -> None:
    one = rendering(tmp_path)
    one.files([WEB], FACTS, 1)
    (tmp_path / "headers.conf.j2").write_text("proxy_set_header X-Mine 1;\n")
    assert "X-Mine" in one.files([WEB], FACTS, 1)["locations/web.conf"]


def test_a_template_that_everybody_may_write_is_refused(tmp_path: Path) -> None:
    path = tmp_path / SITE
    path.write_text((PACKAGE / SITE).read_text())
    path.chmod(0o666)
    with pytest.raises(RenderRefused, match="may be written by everybody"):
        rendering(tmp_path).files([WEB], FACTS, 1)


def test_a_template_that_is_a_symlink_is_refused(tmp_path: Path) -> None:
    (tmp_path / SITE).symlink_to(PACKAGE / SITE)
    with pytest.raises(RenderRefused, match="is a symlink"):
        rendering(tmp_path).files([WEB], FACTS, 1)


def test_a_template_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(RenderRefused, match="missing-folder does not exist"):
        rendering(tmp_path / "missing-folder").files([WEB], FACTS, 1)
