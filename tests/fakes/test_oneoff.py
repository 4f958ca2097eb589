"""The fake engine runs commands as the real one does."""

from __future__ import annotations

import pytest

from deployer.errors import StartFailed
from deployer.model import Finished, OneOff, Release
from tests.contracts.oneoff import OneOffContract
from tests.fakes.oneoff import LASTS
from tests.fakes.test_fakes import FakeEngineWorld


class FakeOneOffWorld(FakeEngineWorld):
    def command(self, output: str, code: int) -> tuple[str, ...]:
        self.engine.commands[output, str(code)] = Finished(code, output, 0.0)
        return (output, str(code))

    def lasting(self) -> tuple[str, ...]:
        self.engine.commands["lasts",] = LASTS
        return ("lasts",)

    def absent(self) -> tuple[str, ...]:
        self.engine.commands["absent",] = StartFailed("no such program")
        return ("absent",)

    def abandon(self, release: Release, one_off: OneOff) -> str:
        name = f"{release.app}-{one_off.deployment}.{one_off.hook.when}"
        self.engine.one_offs[name] = one_off
        return name

    def one_offs(self) -> list[str]:
        return sorted(self.engine.one_offs)


class TestFakeOneOffs(OneOffContract):
    @pytest.fixture
    def world(self) -> FakeOneOffWorld:
        return FakeOneOffWorld()
