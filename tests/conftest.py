"""What all tests share."""

from __future__ import annotations

from hypothesis import settings

# How fast something is depends on what else the machine does: no test asserts it.
settings.register_profile("deployer", deadline=None)
settings.load_profile("deployer")
