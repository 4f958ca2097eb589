"""What all tests share."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# How fast something is depends on what else the machine does: no test asserts it.
settings.register_profile("deployer", deadline=None)
settings.load_profile("deployer")

_HERE = Path(__file__).parent
_SERVING = {"browser", "cli", "doctor", "engine", "examples"}


def pytest_configure() -> None:
    """Give processes that tests start what a user's shell gives them.

    One that starts the tests in the background hands SIGINT down as ignored, and who runs tests
    in several processes tells them a width, at which commands would wrap what is read from them.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.pop("COLUMNS", None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what shares set-up in one process: with all of deployer, or with its real parts.

    Both mostly wait, for health checks, grace periods and time limits, so that two processes
    halve the time. Everything else goes to whoever is free.
    """
    for item in items:
        if item.get_closest_marker("lab") or item.get_closest_marker("root"):
            folder = item.path.relative_to(_HERE).parts[0] if _HERE in item.path.parents else ""
            group = "deployer" if folder in _SERVING else "parts"
            item.add_marker(pytest.mark.xdist_group(group))
