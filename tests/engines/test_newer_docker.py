"""What is tested on this machine's Docker Engine passes on Engine 28 or newer as well."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.private_engine import PrivateEngine, private_engine
from tests.lab.shell import run

pytestmark = [pytest.mark.lab, pytest.mark.root, pytest.mark.long]

HERE = Path(__file__).parents[2]
SUITE = [
    *sorted((HERE / "tests/engines/docker").rglob("test_*.py")),
    HERE / "tests/cli/test_adopt.py",
    *(HERE / f"tests/engine/test_{name}.py" for name in ("switching", "failing", "restarts")),
]


@pytest.fixture(scope="module")
def newer() -> Iterator[PrivateEngine]:
    with private_engine("newer", newer=True) as engine:
        yield engine


def test_it_is_28_or_newer(newer: PrivateEngine) -> None:
    shown = ["docker", "version", "--format", "{{.Server.Version}}"]
    assert int(run(shown, env=newer.environment).partition(".")[0]) >= 28


@pytest.mark.parametrize("file", SUITE, ids=lambda file: file.stem)
def test_the_suite_of_engines_passes_on_it(newer: PrivateEngine, file: Path) -> None:
    """Run by a process of its own, which takes that engine for the only one."""
    suite = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not long"]
    done = subprocess.run(
        newer.inside([*suite, str(file)]),
        env={**os.environ, **newer.environment},
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
