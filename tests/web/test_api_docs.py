"""docs/api.md: its lines of shell, run against a receiver with a worker, and its routes."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployer.config.values import AppPart, ReceiverPart
from deployer.web.openapi import described
from tests.browser.story import Story
from tests.docs import ROOT, block, commands
from tests.web.receiver import OPERATOR, Running, part_for, running
from tests.web.worker import working

PAGE = ROOT / "docs" / "api.md"
BLOCKS = ("api-read", "api-orders", "api-replay")


def with_shop(store: Path, port: int) -> ReceiverPart:
    """The app that the page shows."""
    shop = {"shop": AppPart(image="docker.io/acme/shop", tags=("latest",))}
    return part_for(store, port).model_copy(update={"apps": shop})


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("docs"), with_shop) as one:
        story = Story(one.path)
        story.succeed("shop", story.now - 400)
        story.succeed("shop", story.now - 200)
        story.store.close()
        with working(one, app="shop"):
            yield one


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the page's file with the token is, made as the page says."""
    made = tmp_path_factory.mktemp("shell")
    typed(block("api-header", PAGE), made, OPERATOR_TOKEN=OPERATOR)
    return made


def typed(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-ec", script],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "command", [command for name in BLOCKS for command in commands(block(name, PAGE))]
)
def test_a_line_of_the_page_does_what_it_says(
    receiver: Running, folder: Path, command: str
) -> None:
    done = typed(command, folder, API=f"http://127.0.0.1:{receiver.port}/api/v1")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_file_with_the_token_is_readable_by_its_owner_only(folder: Path) -> None:
    assert (folder / "operator.header").stat().st_mode & 0o777 == 0o600


def test_the_page_names_every_route_and_has_a_line_for_each() -> None:
    described_ones = {
        (method.upper(), re.sub(r"\{\w+\}", "*", path).removeprefix("/api/v1"))
        for path, operations in described()["paths"].items()
        if path.startswith("/api/")
        for method in {"get", "post"} & set(operations)
    }
    table = re.findall(r"`(GET|POST) (/[^`]*)`", PAGE.read_text(encoding="utf-8"))
    assert {(method, re.sub("<[a-z]+>", "*", path)) for method, path in table} == described_ones
    lines = [line for name in BLOCKS for line in commands(block(name, PAGE))]
    asked = set()
    for line in lines:
        method = "POST" if "POST" in line or "--json" in line else "GET"
        (path,) = re.findall(r'"\$API([^"?]*)', line)
        asked.add((method, re.sub(r"(?<=/)(shop|\d+)(?=/|$)", "*", path)))
    assert asked == described_ones
