"""What all tests share."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

# How fast something is depends on what else the machine does: no test asserts it.
settings.register_profile("deployer", deadline=None)
settings.load_profile("deployer")


def pytest_configure() -> None:
    """Give processes that tests start what a user's shell gives them.

    One that starts the tests in the background hands SIGINT down as ignored, and who runs tests
    in several processes tells them a width, at which commands would wrap what is read from them.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.pop("COLUMNS", None)
