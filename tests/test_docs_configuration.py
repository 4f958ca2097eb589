"""docs/configuration.md says what `deployer check --schema` says, and its examples load."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployer.config import json_schema, load
from deployer.config.handling_file import HandlingFile
from deployer.config.kinds import duration, size
from deployer.errors import ConfigError
from tests.docs import ROOT

PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
SCHEMA = json_schema()
SECTIONS = {
    "receiver", "nginx", "paths", "worker", "deploy", "hooks", "registries", "secrets", "configs",
    "apps", "apps.*.compose", "apps.*.route", "apps.*.health", "apps.*.deploy",
    "reconcile", "apps.*.reconcile", "outputs", "apps.*.report",
}  # fmt: skip
"""What has a heading of its own instead of a row in a table."""

_COMPOSE = {"file": "compose.yml", "service": "web"}
_PAIR = {"certificate": "tls/a.pem", "key": "tls/a.key"}
_REPORT = {"to": "github", "repository": "acme/shop", "token_file": "secrets/report.token"}
_SITE = {"route": {"host": "a.test", "port": 8080}}
NEEDS: dict[str, dict[str, Any]] = {
    "apps.*.health": {"apps": {"web": {"route": {"host": "a.test", "port": 8080}}}},
    "nginx.container": {"nginx": {"mode": "container", "network": "edge"}},
    "nginx.binary": {"nginx": {"mode": "host"}},
    "apps.*.compose": {
        "apps": {"web": {"compose": {**_COMPOSE, "ignore": ["build", "depends_on"]}}}
    },
    "apps.*.secrets": {"secrets": {"db_password": {"file": "secrets/db.password"}}},
    "apps.*.configs": {"configs": {"motd": {"content": "Welcome."}}},
    "apps.*.depends_on": {"apps": {name: {"image": "docker.io/acme/db"} for name in ("db", "one")}},
    **{
        f"apps.*.deploy.{when}.timeout": {"apps": {"web": {"deploy": {when: {"command": "true"}}}}}
        for when in ("pre_deploy", "post_deploy", "on_failure")
    },
    "apps.*.memswap_limit": {"apps": {"web": {"mem_limit": "256m"}}},
    "apps.*.route.host": {"apps": {"web": {"route": {"port": 8080}}}},
    "apps.*.route.h": {"nginx": {"tls": _PAIR}},
    "apps.*.route.https": {"apps": {"web": _SITE}},
    "apps.*.route.hsts": {"apps": {"web": _SITE}},
    "apps.*.route.tls": {"apps": {"web": _SITE}},
    "apps.*.route.tls.": {"apps": {"web": {"route": {"tls": _PAIR}}}},
    "apps.*.route.weight": {"apps": {"web": _SITE}},
    "apps.*.route.redirect_from": {"apps": {"web": _SITE}},
    "nginx.tls.": {"nginx": {"tls": _PAIR}},
    "receiver.tls": {"receiver": {"host": "deployer.example.com"}},
    "receiver.tls.": {"receiver": {"tls": _PAIR}},
    **{
        f"apps.*.route.{key}": {"apps": {"web": {"route": {"host": "a.test", "port": 8080}}}}
        for key in HandlingFile.model_fields
    },
    "apps.*.route.p": {"apps": {"web": {"route": {"host": "a.test", "port": 8080}}}},
    **{
        f"apps.*.route.{key}": {
            "nginx": {"templates": "nginx"},
            "apps": {"web": {"route": {"host": "a.test", "port": 8080}}},
        }
        for key in ("template", "snippet")
    },
    "hooks.*.source": {"hooks": {"dockerhub": {"token_file": "secrets/dockerhub.token"}}},
    **{
        f"hooks.*.{key}": {"hooks": {"dockerhub": {"token_file": "secrets/dockerhub.token"}}}
        for key in ("registry", "aliases", "allow")
    },
    "hooks.*.rules": {
        "hooks": {"dockerhub": {"source": "github", "secret_file": "secrets/ci.secret"}},
        "apps": {"web": {"image": "ghcr.io/acme/shop"}},
    },
    **{
        f"outputs.*.{key}": {"outputs": {"one": {"template": "a.j2", "file": "/srv/a"} | more}}
        for key, more in {
            "template": {},
            "file": {},
            "mode": {},
            "container": {"signal": "HUP"},
            "signal": {"container": "a"},
            "restart": {"container": "a"},
        }.items()
    },
    "hooks.*.topics": {"hooks": {"dockerhub": {"source": "ecr"}}},
    **{
        f"hooks.*.{key}": {
            "hooks": {
                "dockerhub": {"source": "gar", "audience": "a", "service_account": "a@b.test"}
            }
        }
        for key in ("audience", "service_account")
    },
    "apps.*.report": {"apps": {"web": {"report": _REPORT}}},
    "hooks.*.secret_file": {"hooks": {"dockerhub": {"source": "generic"}}},
}
"""What else has to be there for the keys that begin like this to mean anything."""
NAMES = {"apps": "web", "hooks": "dockerhub", "registries": "ghcr.io", "ulimits": "nofile"}
COMPOSE = "services: {web: {image: docker.io/acme/shop, build: ., depends_on: [db]}}\n"


@dataclass(frozen=True)
class Row:
    """A key as a table of the page has it."""

    key: str
    default: str
    example: str
    words: str


def rows() -> Iterator[Row]:
    """All rows of the page's tables of keys, each with its full name: `apps.*.route.host`."""
    section = ""
    for line in PAGE.splitlines():
        if line.startswith("#"):
            named = re.findall(r"`([\w.<>\[\]]+)`", line)
            # A heading without a name starts keys of an app again.
            section = named[0] if named else "apps.<name>"
        elif found := re.match(r"\| key( of `([^`]+)`)? \|", line):
            table = found[2] or section
        elif found := re.match(r"\| `(\w+)` \|", line):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            key, _, default, example, *words = cells
            full = f"{table}.{key.strip(' `')}"
            yield Row(re.sub(r"<\w+>", "*", full), default, example, " | ".join(words))


ROWS = {row.key: row for row in rows()}


def keys(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Every key of the schema with its own schema and whether it has to be there."""
    if "$ref" in node:
        node = SCHEMA["$defs"][node["$ref"].rpartition("/")[2]]
    for name, below in node.get("properties", {}).items():
        full = f"{path}.{name}".lstrip(".")
        yield full, below, name in node.get("required", ())
        yield from keys(below, full)
    for one in node.get("anyOf", ()):
        yield from keys(one, path)
    for word, end in (("items", "[]"), ("additionalProperties", ".*")):
        if isinstance(node.get(word), dict):
            yield from keys(node[word], path + end)


KNOWN = {key: (below, required) for key, below, required in keys(SCHEMA)}


def test_the_reader_of_the_schema_finds_sections_apps_and_the_long_forms_of_compose() -> None:
    assert len(KNOWN) > 150
    assert {"receiver.host", "apps.*.image", "apps.*.volumes[].bind.selinux"} <= KNOWN.keys()
    assert {"apps.*.networks.*.aliases", "apps.*.ulimits.*.soft"} <= KNOWN.keys()
    assert KNOWN["apps.*.image"][1]
    assert KNOWN.keys() >= SECTIONS


def test_every_key_is_documented_and_no_other() -> None:
    assert sorted(ROWS) == sorted(KNOWN.keys() - SECTIONS)


def test_no_key_has_two_rows() -> None:
    written = [row.key for row in rows()]
    assert sorted(written) == sorted(set(written))


@pytest.mark.parametrize("key", sorted(SECTIONS))
def test_every_section_has_a_heading_that_names_it(key: str) -> None:
    written = re.escape(key.replace("*", "<name>"))
    assert re.search(rf"^##.*`{written}[`.]", PAGE, re.MULTILINE)


@pytest.mark.parametrize("key", sorted(ROWS))
def test_the_default_of_the_table_is_the_schemas(key: str) -> None:
    below, required = KNOWN[key]
    if "$ref" in below:
        below = {**SCHEMA["$defs"][below["$ref"].rpartition("/")[2]], **below}
    said, default = ROWS[key].default, below.get("default")
    if required:
        assert said == "required" or (said == "none" and key.startswith("apps.*.compose"))
        return
    if default in (None, "", [], {}, ()):
        assert said == "none"
        return
    value = yaml.safe_load(said.strip("`"))
    given = [value]
    if isinstance(value, str):
        given += [duration(value), size(value)]
    assert default in given, f"{key}: {said} in the table, {default!r} in the schema"


@pytest.mark.parametrize("key", sorted(ROWS))
def test_the_row_says_what_the_key_is(key: str) -> None:
    row = ROWS[key]
    number = [one.key for one in rows()].index(key)
    earlier = next(one for one in [*rows()][number::-1] if one.words)
    # "so are the next four": a row without words is explained by the one above.
    assert row.words or re.search(r"so are the next (two|four)", earlier.words)
    assert re.fullmatch(r"`.+`", row.example)


def given(key: str, value: Any) -> dict[str, Any]:
    """A configuration with this value at this key, and nothing beyond what that needs."""
    content: dict[str, Any] = {}
    if key.startswith("apps."):
        content["apps"] = {"web": {"image": "docker.io/acme/shop"}}
    for start, more in NEEDS.items():
        if key.startswith(start):
            merge(content, deepcopy(more))
    parts = [part for part in re.split(r"\.|(\[\])", key) if part]
    below: Any = value
    for at in range(len(parts) - 1, -1, -1):
        part = parts[at]
        if part == "[]":
            below = [with_the_rest(".".join(parts[:at]) + "[]", below)]
        elif part == "*":
            name = NAMES.get(parts[at - 1], "one")
            below = {name: with_the_rest(".".join(parts[:at]) + ".*", below)}
        else:
            below = {part: below}
    merge(content, below)
    return content


def with_the_rest(place: str, content: Any) -> Any:
    """Add what this mapping cannot be without, from the examples of the page."""
    if not isinstance(content, dict) or place == "apps.*":
        return content
    prefix = place.replace("networks.[]", "networks[]") + "."
    needed = {
        key.removeprefix(prefix): yaml.safe_load(ROWS[key].example.strip("`"))
        for key, (_, required) in KNOWN.items()
        if required and key.startswith(prefix) and "." not in key.removeprefix(prefix)
    }
    if place.startswith("apps.*.volumes"):
        kind = next((one for one in ("bind", "tmpfs", "image") if one in content), "volume")
        needed |= {"type": kind}
        needed |= {"source": "/srv"} if kind == "bind" else {}
        needed |= {"source": "acme/assets"} if kind == "image" else {}
    return {**needed, **content}


def merge(content: dict[str, Any], more: dict[str, Any]) -> None:
    """Put `more` over `content`, mapping by mapping."""
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(content.get(key), dict):
            merge(content[key], value)
        else:
            content[key] = value


@pytest.mark.parametrize("key", sorted(ROWS))
def test_the_example_of_the_table_is_accepted(key: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(COMPOSE)
    (tmp_path / "config.yml").write_text(
        json.dumps(given(key, yaml.safe_load(ROWS[key].example.strip("`"))))
    )
    try:
        load(tmp_path / "config.yml", {}, part="public")
    except ConfigError as error:
        pytest.fail(str(error))
