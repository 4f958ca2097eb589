"""docs/outputs.md: its tables are what templates are given, its templates do what they say."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.ports import OutputApp, OutputReplica
from deployer.proxies.outputs import render
from tests.docs import ROOT, block
from tests.proxies.test_outputs import APP

PAGE = ROOT / "docs" / "outputs.md"
TYPES = {
    "str": "text",
    "int": "number",
    "int | None": "number or none",
    "list[str]": "list of text",
    "dict[str, str]": "mapping of text",
    "list[OutputReplica]": "list of replicas",
}
HOSTILE = "\"}\n]: `x`\\{{ apps }} \u2028 </script> ' & #"
METRICS = replace(APP, labels={"prometheus.port": "9100"}, hosts=["a.test", "b.test"], path="/shop")
OTHER = replace(
    METRICS,
    name="api",
    tag=HOSTILE,
    replicas=[
        OutputReplica("api-2-1", "10.0.0.3", 80, ""),
        OutputReplica("api-2-2", "10.0.0.4", 80, "unhealthy"),
    ],
)
PLAIN = replace(APP, name="job", hosts=[], path="", port=None)


@pytest.mark.parametrize(("what", "kind"), [("an app", OutputApp), ("a replica", OutputReplica)])
def test_the_tables_are_what_a_template_is_given(
    what: str, kind: type[OutputApp] | type[OutputReplica]
) -> None:
    below = PAGE.read_text().partition(f"| field of {what} |")[2].partition("\n\n")[0]
    said = re.findall(r"^\| `(\w+)` \| ([\w ]+) \|", below, re.MULTILINE)
    assert said == [(one.name, TYPES[str(one.type)]) for one in fields(kind)]


def rendered(name: str, folder: Path, *apps: OutputApp) -> str:
    """What a template of the page makes of these apps."""
    template = folder / "a.j2"
    template.write_text(block(name, PAGE))
    return render(template, apps)


def test_prometheus_gets_the_targets_of_apps_that_have_a_port_for_it(tmp_path: Path) -> None:
    text = rendered("outputs-prometheus", tmp_path, OTHER, PLAIN, METRICS)
    assert json.loads(text) == [
        {"targets": ["10.0.0.3:9100", "10.0.0.4:9100"], "labels": {"app": "api", "tag": HOSTILE}},
        {"targets": ["10.0.0.2:9100"], "labels": {"app": "web", "tag": "latest"}},
    ]
    assert json.loads(rendered("outputs-prometheus", tmp_path, PLAIN)) == []


def test_traefik_gets_a_router_and_a_service_of_each_app_with_hosts(tmp_path: Path) -> None:
    made: Any = yaml.safe_load(rendered("outputs-traefik", tmp_path, OTHER, PLAIN, METRICS))
    assert made["http"]["routers"]["web"] == {
        "rule": "(Host(`a.test`) || Host(`b.test`)) && PathPrefix(`/shop`)",
        "service": "web",
    }
    servers = made["http"]["services"]["api"]["loadBalancer"]["servers"]
    assert servers == [{"url": "http://10.0.0.3:80"}, {"url": "http://10.0.0.4:80"}]
    assert made["http"]["services"].keys() == {"api", "web"}
    assert yaml.safe_load(rendered("outputs-traefik", tmp_path, PLAIN)) is None


def test_haproxy_gets_a_backend_of_each_app_and_no_request_goes_to_an_unhealthy_one(
    tmp_path: Path,
) -> None:
    lines = rendered("outputs-haproxy", tmp_path, OTHER, PLAIN, METRICS).splitlines()
    assert "    use_backend web if { req.hdr(host),field(1,:) -i a.test b.test }" in lines
    assert [one.strip() for one in lines if one.startswith(("backend", "    server"))] == [
        "backend api",
        "server api-2-1 10.0.0.3:80",
        "server api-2-2 10.0.0.4:80 disabled",
        "backend web",
        "server web-7-1 10.0.0.2:8080",
    ]
