"""What every Notifier of ports.py does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import pytest

from deployer.config.values import Destination
from deployer.deployment import Status
from deployer.errors import ReportRefused, ReportUnavailable
from deployer.ports import DESCRIPTION, Notifier, Report

PAGE = "https://deployer.example.com/deployments/7"


class NotifierWorld(Protocol):
    """A notifier to be driven, and the server that it tells."""

    notifier: Notifier
    to: Destination
    revision: str
    words: Mapping[Status, str]

    def shown(self) -> list[tuple[str, str, str]]:
        """What a reader of the commit has seen, oldest first: state, description, page."""
        ...

    def stop(self) -> None:
        """Let nobody answer any more."""
        ...


class NotifierContract:
    """Subclasses give the fixture `world`."""

    def report(self, world: NotifierWorld, status: Status = Status.RUNNING) -> Report:
        """A report of a deployment of a commit that the server knows."""
        return Report("web", 7, world.revision, status, f"it is {status}", PAGE)

    @pytest.mark.parametrize(
        "end", [Status.SUCCEEDED, Status.FAILED, Status.CANCELLED, Status.REFUSED]
    )
    def test_a_commit_shows_how_its_deployment_goes(
        self, world: NotifierWorld, end: Status
    ) -> None:
        for status in (Status.RUNNING, end):
            world.notifier.tell(world.to, self.report(world, status))
        assert world.shown() == [
            (world.words[status], f"it is {status}", PAGE) for status in (Status.RUNNING, end)
        ]

    def test_telling_again_makes_no_difference(self, world: NotifierWorld) -> None:
        for status in (Status.RUNNING, Status.RUNNING, Status.SUCCEEDED, Status.SUCCEEDED):
            world.notifier.tell(world.to, self.report(world, status))
        states = [state for state, _, _ in world.shown()]
        assert list(dict.fromkeys(states)) == [
            world.words[Status.RUNNING],
            world.words[Status.SUCCEEDED],
        ]

    def test_the_longest_description_is_taken_and_no_page_need_be_there(
        self, world: NotifierWorld
    ) -> None:
        long = replace(self.report(world), description="é" * DESCRIPTION, page="")
        world.notifier.tell(world.to, long)
        assert world.shown() == [(world.words[Status.RUNNING], "é" * DESCRIPTION, "")]

    def test_a_commit_that_it_does_not_know_is_refused(self, world: NotifierWorld) -> None:
        unknown = replace(self.report(world), revision="e" * 40)
        with pytest.raises(ReportRefused, match=world.to.repository):
            world.notifier.tell(world.to, unknown)
        assert world.shown() == []

    def test_looking_changes_nothing_and_finds_what_is_not_there(
        self, world: NotifierWorld
    ) -> None:
        world.notifier.look("web", world.to)
        missing = world.to.model_copy(update={"repository": "acme/none"})
        with pytest.raises(ReportRefused, match="acme/none"):
            world.notifier.look("web", missing)
        assert world.shown() == []

    def test_a_server_that_does_not_answer_may_be_told_later(self, world: NotifierWorld) -> None:
        world.stop()
        with pytest.raises(ReportUnavailable, match=world.to.repository):
            world.notifier.tell(world.to, self.report(world))
