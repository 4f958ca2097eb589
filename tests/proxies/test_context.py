"""What templates are given is what docs/nginx.md says."""

from __future__ import annotations

import re
from pathlib import Path

import jinja2
import pytest
import yaml
from jinja2 import meta

from deployer.config.values import Nginx as Settings
from deployer.ports import NginxFacts
from deployer.proxies.rendering import Rendering
from deployer.proxies.sites import ReceiverSite
from deployer.proxies.templates import package_templates
from deployer.routing import Guard, Handling, Route, RouteRule, Target
from tests.docs import ROOT, block

PAGE = ROOT / "docs" / "nginx.md"
PACKAGE = package_templates()
FACTS = NginxFacts((1, 30, 6), "nginx")
RECEIVER = ReceiverSite("hooks.example", "127.0.0.1", 5000, 1024)
KINDS = {
    "text": "string",
    "number": "integer",
    "true or false": "boolean",
    "list of texts": "sequence",
    "list of objects": "sequence",
    "list": "sequence",
    "mapping": "mapping",
    "number, or none": "none",
    "three numbers": "sequence",
    "two numbers": "mapping",
}
"""The types of the page, and Jinja2's tests of them."""
OF = {
    "upstream.conf.j2": "app",
    "locations.conf.j2": "app",
    "guard.conf.j2": "app",
    "handling.conf.j2": "app",
    "shared.conf.j2": "app",
    "site.conf.j2": "app",
    "nginx.conf.j2": "main",
    "receiver.conf.j2": "receiver",
}


def documented(table: str) -> dict[str, str]:
    """Name -> type, of the table with this mark."""
    text = PAGE.read_text().partition(f"<!-- context: {table} -->\n")[2].partition("\n\n")[0]
    rows = [line.split("|")[1:3] for line in text.splitlines()[2:]]
    return {name: kind.strip() for names, kind in rows for name in re.findall(r"`(\w+)`", names)}


@pytest.mark.parametrize("template", OF)
def test_a_template_is_given_what_the_page_names(tmp_path: Path, template: str) -> None:
    """A name that is not there is an error, and so is one of another type."""
    said = documented("all") | documented(OF[template])
    checks = [
        f"{{% if {name} is not {KINDS[kind]} %}}{{{{ {name}_is_another }}}}{{% endif %}}\n"
        for name, kind in said.items()
    ]
    (tmp_path / template).write_text("".join(checks) + (PACKAGE / template).read_text())
    shared = Handling(guard=Guard(connections=1))
    route = Route("web", ("web.example",), "/", (Target("10.0.0.1", 80),), handling=shared)
    assert Rendering(Settings(), RECEIVER, [tmp_path, PACKAGE]).files([route], FACTS, 1)


@pytest.mark.parametrize("template", OF)
def test_the_page_names_all_that_deployers_own_templates_use(template: str) -> None:
    parsed = jinja2.Environment(autoescape=True).parse((PACKAGE / template).read_text())
    said = documented("all") | documented(OF[template])
    assert meta.find_undeclared_variables(parsed) <= said.keys()


def test_the_snippet_of_the_page_is_put_into_each_location(tmp_path: Path) -> None:
    config = yaml.safe_load(block("own-templates", PAGE))
    own = config["apps"]["shop"]["route"]
    text = block("own-snippet", PAGE)
    (tmp_path / own["snippet"]).write_text(text)
    rule = RouteRule((own["host"],), own["port"], "/shop", snippet=own["snippet"])
    rendering = Rendering(Settings(), RECEIVER, [tmp_path, PACKAGE])
    files = rendering.files([rule.to("shop", [Target("10.0.0.1", 80)])], FACTS, 1)
    rendered = files["locations/shop.conf"]
    assert rendered.count("add_header X-Shop shop always;") == 2
    assert rendered.count("proxy_read_timeout 2m;") == rendered.count("proxy_pass ") == 2
