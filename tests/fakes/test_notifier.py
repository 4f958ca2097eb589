"""The notifier in memory passes the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployer.config.values import Destination
from deployer.deployment import Status
from tests.contracts.notifier import NotifierContract
from tests.fakes.notifier import FakeNotifier


class FakeWorld:
    """It says what it was told in our own words."""

    revision = "a" * 40
    to = Destination(
        kind="github", repository="acme/shop", url="https://github.com", token_file=Path("token")
    )

    def __init__(self) -> None:
        self.words = {status: status.value for status in Status}
        self.notifier = FakeNotifier()
        self.notifier.commits = {self.revision}
        self.notifier.repositories = {self.to.repository}

    def shown(self) -> list[tuple[str, str, str]]:
        return [(one.status.value, one.description, one.page) for one in self.notifier.told]

    def stop(self) -> None:
        self.notifier.answers = False


class TestFakeNotifier(NotifierContract):
    @pytest.fixture
    def world(self) -> FakeWorld:
        return FakeWorld()
