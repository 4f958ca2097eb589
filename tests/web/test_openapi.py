"""The description of the API is true: of its routes, and of every answer of a running receiver."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deployer.config.values import ReceiverPart
from deployer.sources import SOURCES
from deployer.sources.signatures import check_bearer
from deployer.stores.schema import migrate
from deployer.stores.sqlite import SQLiteStore
from deployer.web.app import create_app
from deployer.web.openapi import described
from tests.browser.story import Story
from tests.web.receiver import CI_TOKEN, OPERATOR, TOKEN, Running, part_for, running
from tests.web.worker import working

METHODS = {"get", "post", "put", "patch", "delete"}
OPEN = ("Problem",)
"""Schemas of answers that have more members than are described, on purpose."""

# The names in paths are real ones: with others every answer would be a 404.
SETTINGS = f"""
request-timeout = 60

[parameters]
"path.app" = "web"

[headers]
Authorization = "Bearer {OPERATOR}"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "404", "409", "422"]

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "404", "405", "409", "413", "414", "415", "422"]

[[operations]]
include-path = "/hooks/{{hook}}"
headers = {{ Authorization = "Bearer {CI_TOKEN}" }}
parameters = {{ "path.hook" = "ci" }}
# What a sender may send is said in prose, not by a schema.
checks = {{ positive_data_acceptance.enabled = false, negative_data_rejection.enabled = false }}

[[operations]]
include-path = "/hooks/{{hook}}/{{token}}"
parameters = {{ "path.hook" = "dockerhub", "path.token" = "{TOKEN}" }}
checks = {{ positive_data_acceptance.enabled = false, negative_data_rejection.enabled = false }}
"""


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("receiver")) as one:
        story = Story(one.path)
        story.succeed("web", story.now - 400)
        story.fail("web", story.now - 300)
        story.succeed("web", story.now - 200)
        story.see()
        story.store.close()
        yield one


def strict(schema: Any, name: str = "") -> Any:
    """The same description, by which an answer may have no field that is not described."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value, key) for key, value in schema.items()}
    if "properties" in made and "type" in made and name not in OPEN:
        made.setdefault("additionalProperties", False)
    return made


def test_every_route_of_the_api_and_the_hooks_is_described_and_no_other(tmp_path: Path) -> None:
    part: ReceiverPart = part_for(tmp_path / "state" / "deployer.db", 1)
    migrate(part.store)
    store = SQLiteStore(part.store)
    app = create_app(part, store, SOURCES, check_bearer)
    store.close()
    routes = {
        (method, re.sub("<[^>]*>", "{}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if rule.rule.startswith(("/api/", "/hooks/")) and method not in ("HEAD", "OPTIONS")
    }
    told = {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path))
        for path, operations in described()["paths"].items()
        for method in METHODS & set(operations)
    }
    assert told == routes


def test_the_description_needs_no_token_and_says_nothing_of_this_host(receiver: Running) -> None:
    answer = receiver.get("/api/v1/openapi.json", None)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert json.loads(answer.body) == described()


def explore(receiver: Running, folder: Path, *options: str) -> None:
    """Let schemathesis ask whatever the description allows, and more, and judge each answer."""
    (folder / "schemathesis.toml").write_text(SETTINGS)
    (folder / "openapi.json").write_text(json.dumps(strict(described())))
    command = [sys.executable, "-m", "schemathesis.cli", "--no-color", "run", "openapi.json"]
    command += ["--url", f"http://127.0.0.1:{receiver.port}", *options]
    with working(receiver):
        ran = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=3600, check=False
        )
    assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr[-5_000:]
    assert "ERROR" not in receiver.log()


def test_a_receiver_answers_as_described(receiver: Running, tmp_path: Path) -> None:
    """No fault, no status, type or field that is not described, no wrong input that is taken."""
    explore(receiver, tmp_path, "--max-examples", "8", "--seed", "1", "--no-shrink")


@pytest.mark.long
def test_a_receiver_answers_as_described_for_long(receiver: Running, tmp_path: Path) -> None:
    explore(receiver, tmp_path, "--max-examples", "400", "--continue-on-failure")
