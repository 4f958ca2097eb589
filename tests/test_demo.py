"""What a newcomer runs first: `make demo`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.root, pytest.mark.long]


def test_the_demo_ends_well_and_says_that_no_request_failed() -> None:
    done = subprocess.run(
        # What `make demo` does once its environment is there, which is this one.
        [sys.executable, "-m", "tests.lab.demo"],
        env={**os.environ, "ONCE": "1"},
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = re.findall(r"^ +(closing|keep-alive) +([0-9,]+) +([0-9,]+) ", done.stdout, re.MULTILINE)
    assert [(name, failed) for name, _, failed in told] == [("closing", "0"), ("keep-alive", "0")]
    assert all(int(sent.replace(",", "")) > 1000 for _, sent, _ in told), done.stdout
