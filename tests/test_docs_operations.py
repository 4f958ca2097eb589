"""docs/operations.md and docs/security.md: what they say of deployer is what its code says."""

from __future__ import annotations

import re

import pytest

from deployer.deployment import ENDED, Step
from deployer.web.rates import BURST, RATE
from tests.docs import OPERATIONS, ROOT, SECURITY

PAGE = OPERATIONS.read_text(encoding="utf-8")
# Strings that stand in several pieces are one text to a reader.
CODE = re.sub(
    r'"\s*f?"',
    "",
    "".join(path.read_text(encoding="utf-8") for path in (ROOT / "deployer").rglob("*.py")),
)


def table(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without its own two."""
    below = PAGE.split(f"# {heading}\n", 1)[1]
    (found,) = re.findall(r"\A[^|]*((?:^\|.*\n)+)", below, re.MULTILINE)
    rows = found.splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in rows]


PHRASES = [
    cells[0].strip(" `")
    for heading in ("Reading a failure", "Degraded")
    for cells in table(heading)
    if cells[0].startswith("`")
]


def test_the_tables_are_found() -> None:
    assert len(PHRASES) > 20


@pytest.mark.parametrize("phrase", PHRASES)
def test_deployer_says_what_the_page_explains(phrase: str) -> None:
    assert phrase in CODE


def test_the_steps_of_the_failures_are_steps() -> None:
    named = {word for cells in table("Reading a failure") for word in cells[1].split(", ")}
    assert named <= {*Step, "any"}


def test_every_status_that_a_deployment_ends_with_is_explained() -> None:
    explained = {cells[0].strip(" `") for cells in table("How is it?")}
    assert explained == {status.value for status in ENDED}


def test_what_is_to_be_monitored_exists() -> None:
    paths = [cells[0].strip(" `") for cells in table("What to monitor")]
    assert paths == ["/healthz", "/readyz", "/api/v1/status", "/metrics"]
    assert all(f'"{path.removeprefix("/api/v1")}"' in CODE for path in paths)


def test_the_limits_of_the_hooks_are_those_of_nginxs_template_and_of_the_receiver() -> None:
    words = " ".join(SECURITY.read_text(encoding="utf-8").split())
    template = (ROOT / "nginx_templates" / "receiver.conf.j2").read_text(encoding="utf-8")
    (rate,) = re.findall(r"zone=receiver_hooks:\w+ rate=(\d+)r/s", template)
    (burst,) = re.findall(r"zone=receiver_hooks burst=(\d+)", template)
    assert f"at most {rate} a second to the hooks, with bursts of {burst}" in words
    assert f"takes {RATE:.0f} deliveries a second, with bursts of {BURST:.0f}" in words
