"""Apps behind one Nginx, and the ways to break the site of one of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from deployer.proxies.templates import package_templates
from deployer.routing import Route
from tests.proxies.rig import NginxRig

PACKAGE = package_templates()
LOCATIONS = (PACKAGE / "locations.conf.j2").read_text()


@dataclass
class Sites:
    """Apps behind one Nginx; `bad` is the one that a test breaks."""

    rig: NginxRig
    apps: Sequence[str] = ("api", "bad", "web")

    def routes(self, generation: str, **options: str) -> list[Route]:
        """A route of each app to replicas of this name; `options` are the bad one's."""
        routes = [
            self.rig.route(app, self.replica(app, generation), host=f"{app}.example")
            for app in self.apps
        ]
        own = {"template": "", "snippet": ""} | options
        at = list(self.apps).index("bad")
        routes[at] = replace(routes[at], template=own["template"], snippet=own["snippet"])
        return routes

    def replica(self, app: str, generation: str) -> str:
        """The name of the replica that serves an app."""
        return f"{app}-{generation}"

    def file(self, name: str, text: str) -> Path:
        """A file in the user's folder."""
        path = self.rig.templates / name
        path.write_text(text)
        return path

    def template(self, words: str) -> Path:
        """A template of the bad app, with these directives in its locations."""
        return self.file(
            "bad.conf.j2", LOCATIONS.replace("    proxy_pass", f"{words}    proxy_pass")
        )

    def answers(self) -> dict[str, str | int]:
        """Which replica answers for each app, or with what status."""
        said: dict[str, str | int] = {}
        for app in self.apps:
            status, _ = self.rig.request(f"{app}.example")
            said[app] = self.rig.ask(f"{app}.example") or status
        return said


Break = Callable[[Sites], dict[str, str]]
"""Breaks the bad app's site; the options of its route."""


def not_nginx(sites: Sites) -> dict[str, str]:
    sites.file("bad.conf", "# fine\nno_such_directive on;\n")
    return {"snippet": "bad.conf"}


def not_jinja(sites: Sites) -> dict[str, str]:
    sites.file("bad.conf.j2", "{% if %}\n")
    return {"template": "bad.conf.j2"}


def unknown_value(sites: Sites) -> dict[str, str]:
    sites.file("bad.conf", "# fine\nadd_header X-A {{ nothing }};\n")
    return {"snippet": "bad.conf"}


def wrong_value(sites: Sites) -> dict[str, str]:
    sites.template("    proxy_read_timeout soon;\n")
    return {"template": "bad.conf.j2"}


def another_way(sites: Sites) -> dict[str, str]:
    sites.file("bad.conf", "return 200 owned;\n")
    return {"snippet": "bad.conf"}


def out_of_its_block(sites: Sites) -> dict[str, str]:
    sites.file("bad.conf", "} location /x { return 200 owned;\n")
    return {"snippet": "bad.conf"}


def empty(sites: Sites) -> dict[str, str]:
    sites.file("bad.conf.j2", "")
    return {"template": "bad.conf.j2"}


def unknown_name(sites: Sites) -> dict[str, str]:
    sites.file("bad.conf", "resolver no-such-name.invalid;\n")
    return {"snippet": "bad.conf"}


def unknown_zone(sites: Sites) -> dict[str, str]:
    sites.file("bad.conf", "limit_req zone=nobody_has_it;\n")
    return {"snippet": "bad.conf"}


def missing_folder(sites: Sites) -> dict[str, str]:
    """Nginx says no file and no line then."""
    sites.file("bad.conf", f"client_body_temp_path {sites.rig.state}/gone;\n")
    return {"snippet": "bad.conf"}


def missing_snippet(sites: Sites) -> dict[str, str]:
    return {"snippet": "bad.conf"}


def open_to_everybody(sites: Sites) -> dict[str, str]:
    sites.file("bad.conf", "add_header X-A b;\n").chmod(0o666)
    return {"snippet": "bad.conf"}


BREAKS: list[tuple[Break, str]] = [
    (
        not_nginx,
        r'unknown directive "no_such_directive" in locations/bad.conf:\d+, rendered from '
        r"{templates}/bad.conf:2",
    ),
    (not_jinja, "the template {templates}/bad.conf.j2:1 cannot be rendered"),
    (unknown_value, "the template {templates}/bad.conf:2 cannot be rendered: 'nothing' is"),
    (
        wrong_value,
        r"invalid value in locations/bad.conf:\d+, rendered from {templates}/bad.conf.j2",
    ),
    (another_way, r"rendered from {templates}/bad.conf:1, is not used: .*return 200 owned"),
    (out_of_its_block, r"rendered from {templates}/bad.conf:1, is not used: "),
    (empty, "rendered from {templates}/bad.conf.j2, is not used: .* is missing"),
    (unknown_name, r'host not found in resolver "no-such-name.invalid" in locations/bad.conf:\d+'),
    (unknown_zone, 'zero size shared memory zone "nobody_has_it"'),
    (missing_folder, r'mkdir\(\) ".*/gone" failed'),
    (missing_snippet, "there is no file bad.conf in {templates}"),
    (open_to_everybody, "{templates}/bad.conf is not used: it may be written by everybody"),
]
