"""docs/nginx.md: the lines that run a container of one's own."""

from __future__ import annotations

import re
import secrets
import subprocess
from collections.abc import Iterator

import pytest

from tests.docs import ROOT, block
from tests.lab.ports import free_port
from tests.lab.shell import run, succeeds, wait_until
from tests.lab.user import folder

pytestmark = [pytest.mark.lab, pytest.mark.root]

ANSWERS = """events {{ }}
http {{ server {{ listen {port}; return 200 "generation one"; }} }}
"""


@pytest.fixture
def port() -> Iterator[int]:
    """Where the container of the page answers, under names and in folders of this test."""
    name, port = f"edge-{secrets.token_hex(3)}", free_port()
    with folder("edge") as path:
        (path / "nginx" / "current").mkdir(parents=True)
        (path / "nginx" / "current" / "nginx.conf").write_text(ANSWERS.format(port=port))
        lines = block("own-container", ROOT / "docs" / "nginx.md")
        lines = re.sub(r"\bedge\b", name, lines)
        lines = lines.replace("/var/lib/deployer/", f"{path}/").replace("80:80", f"{port}:{port}")
        try:
            subprocess.run(["sh", "-ec", lines], check=True, timeout=60)
            yield port
        finally:
            succeeds(["docker", "rm", "--force", f"{name}-nginx"])
            succeeds(["docker", "network", "rm", name])


def test_the_container_runs_with_the_generation_in_the_folder(port: int) -> None:
    url = f"http://127.0.0.1:{port}/"
    ask = ["curl", "--silent", "--fail", "--noproxy", "*", url]
    wait_until(lambda: succeeds(ask), "an answer of the container")
    assert run(ask) == "generation one"
