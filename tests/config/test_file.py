"""The JSON Schema and the annotated config.yml know the same keys as the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from deployer.config import json_schema, load
from deployer.config.values import Nginx, Paths, Receiver, Worker
from deployer.model import App, HealthCheck, Image, Limits, Strategy
from deployer.routing import RouteRule
from deployer.spec import Spec, Volume
from tests.config.conftest import SECRET, TOKEN, Folder

EXAMPLE = Path(__file__).parents[2] / "config.yml"


def inside(schema: dict[str, Any], root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema's own mapping, or those that it refers to."""
    for each in [schema, *schema.get("anyOf", [])]:
        if "$ref" in each:
            yield root["$defs"][each["$ref"].rpartition("/")[2]]
        elif isinstance(each.get("additionalProperties"), dict):
            yield from inside(each["additionalProperties"], root)
        elif "properties" in each and not is_compose(each):
            yield each


def is_compose(schema: dict[str, Any]) -> bool:
    """Whether this is a long form of Compose's, whose keys its specification describes."""
    return "x-compose" in schema


def keys(schema: dict[str, Any], root: dict[str, Any], path: str = "") -> dict[str, dict[str, Any]]:
    """Every key that the schema knows, with its own schema; names of entries left out."""
    found: dict[str, dict[str, Any]] = {}
    for mapping in inside(schema, root):
        for name, below in mapping.get("properties", {}).items():
            found[f"{path}{name}"] = below
            found |= keys(below, root, f"{path}{name}.")
    return found


def written(data: Any, path: str = "") -> Iterator[str]:
    """Every key of a configuration, in the form of `keys`."""
    for name, value in data.items() if isinstance(data, dict) else ():
        yield f"{path}{name}"
        if path == "apps." and name not in ("route", "health", "compose", "report"):
            continue
        if name in ("request_headers", "response_headers", "pages", "aliases"):
            # Names of the user's own.
            continue
        if name in ("hooks", "registries", "secrets", "configs", "outputs", "apps") and not path:
            for entry in (value or {}).values():
                yield from written(entry, f"{name}.")
        else:
            yield from written(value, f"{path}{name}.")


def everything() -> str:
    """config.yml with every key that is commented out put in."""
    text = EXAMPLE.read_text(encoding="utf-8")
    return re.sub(r"^( *)#(?=[a-z_.]+:)", r"\1", text, flags=re.MULTILINE)


def test_the_schema_describes_every_key() -> None:
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    known = keys(schema, schema)
    assert len(known) > 50
    for path, key in known.items():
        texts = [key.get("description"), *(each.get("description") for each in inside(key, schema))]
        assert any(texts), path


def test_the_schema_knows_the_keys_that_config_yml_shows_and_no_others() -> None:
    schema = json_schema()
    shown = set(written(yaml.safe_load(everything())))
    hidden = {key for key in keys(schema, schema) if re.match(HIDDEN, key)}
    assert shown | hidden == set(keys(schema, schema))
    assert schema["additionalProperties"] is False


# Several ways to say one thing, or the name of another app: a file that shows them all could not
# be loaded.
HIDDEN = (
    r"apps\.depends_on$|"
    r"apps\.(deploy|reconcile)\.|.*\.hosts$|apps\.cpu_(quota|period)$|"
    r"(secrets|configs)\.[a-z]+$|nginx\.binary$|outputs\.restart$"
)


def prepare(folder: Folder) -> None:
    """The files that the annotated example names."""
    for name in ("operator", "metrics", "dockerhub", "ci", "report"):
        folder.write(f"secrets/{name}.token", TOKEN)
    folder.write("secrets/ci.secret", SECRET)
    folder.write("secrets/github.secret", TOKEN)
    folder.write("secrets/registry.password", "s3cret")
    folder.write("pages/away.html", "<p>Away")
    folder.write("secrets/shop.htpasswd", "alice:$apr1$1$ffffffffffffffffffffff\n")
    folder.write("secrets/db.password", "s3cret")
    folder.write("compose.yml", "services: {hello: {image: a, build: ., networks: [backend]}}")
    folder.write("secrets/hello.env", "SECRET=s3cret")
    folder.write("nginx/site.conf.j2", "")
    folder.write("prometheus-targets.json.j2", "")


def test_config_yml_runs_the_demo_as_it_is(folder: Folder) -> None:
    prepare(folder)
    config = folder.load(
        EXAMPLE.read_text(encoding="utf-8"), {"DEPLOYER_PATHS__STATE": "/srv/demo"}
    )
    assert config.paths.state == Path("/srv/demo")
    assert config.receiver.host == "deployer.localhost"
    assert config.hooks["dockerhub"].registry == "127.0.0.1:5001"
    assert config.apps == {
        "hello": App(
            name="hello",
            image=Image("127.0.0.1:5001", "demo/hello"),
            tags=("latest",),
            spec=Spec(
                environment=(("ITEMS_FILE", "/items/items.log"),),
                volumes=(Volume("deployer-demo-items", "/items"),),
            ),
            route=RouteRule(("hello.localhost",), 8080),
            health=HealthCheck(port=8080, path="/healthz"),
            strategy=Strategy.START_FIRST,
        )
    }


def test_what_config_yml_shows_as_a_default_is_the_default(folder: Folder) -> None:
    prepare(folder)
    shown = folder.load(everything())
    plain = folder.load("apps: {web: {image: a}}")
    changed = {"host", "operator_token_file", "metrics_token_file"}
    changed |= {"templates", "trusted_proxies", "host_base", "network", "include", "tls"}
    for said, default in (
        (shown.receiver, Receiver()),
        (shown.nginx, Nginx()),
        (shown.paths, Paths()),
        (shown.worker, Worker()),
    ):
        assert said.model_dump(exclude=changed) == default.model_dump(exclude=changed)
    assert shown.outputs["prometheus"].mode == 0o644
    hello, web = shown.apps["hello"], plain.apps["web"]
    assert hello.limits == web.limits == Limits()
    assert hello.health.interval == web.health.interval
    assert (hello.spec.restart, hello.spec.replicas) == (web.spec.restart, web.spec.replicas)
    assert load(Path("config.yml"), {}).paths.host_base is None
