"""Reports go out in order, at least once and not for ever; no deployment and no app waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog

from deployer.condition import troubles
from deployer.config.values import Destination
from deployer.deployment import Deployment, Status, Trigger, Wanted
from deployer.errors import (
    ConfigError,
    ReportRefused,
    ReportUnavailable,
    StoreUnavailable,
)
from deployer.ports import Report
from deployer.reports import Reports
from deployer.worker import Worker
from tests.fakes.notifier import FakeNotifier
from tests.fakes.registry import Behaviour
from tests.test_worker import eventually, working
from tests.world import World, app, small_world

TO = Destination(
    kind="github", repository="acme/shop", url="https://github.com", token_file=Path("token")
)
PAGES = "https://deployer.example.com/deployments/"
FIRST, SECOND = "1" * 40, "2" * 40


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two apps, `web` and `api`, that serve release 1, whose images name no commit."""
    with small_world(tmp_path, app("web"), app("api")) as world:
        for name in world.parts.apps:
            world.push(name=name)
            world.deploy(Wanted(name, Trigger.BOOTSTRAP))
        yield world


@pytest.fixture
def notifier() -> FakeNotifier:
    return FakeNotifier()


def both() -> dict[str, Destination]:
    """Both apps are reported."""
    return {"web": TO, "api": TO}


def reports_of(
    world: World, notifier: FakeNotifier, wanted: Mapping[str, Destination], **more: Any
) -> Reports:
    """What reports these apps, with pauses that cost no time."""
    quick = {"first_pause": 0.01, "longest_pause": 0.02, **more}
    return Reports(notifier, world.store, wanted, PAGES, world.parts.now, **quick)


@contextmanager
def reporting(
    world: World,
    notifier: FakeNotifier,
    wanted: Mapping[str, Destination] | None = None,
    **more: Any,
) -> Iterator[Worker]:
    """A worker that reports, until the end of the block; nothing is deployed by itself."""
    made = reports_of(world, notifier, both() if wanted is None else wanted, **more)
    with working(world, reports=made) as worker:
        eventually(lambda: "reports" in world.store.snapshot())
        yield worker


def deploy(world: World, revision: str = FIRST, *, name: str = "web", **more: Behaviour) -> int:
    """Push an image of this commit and let the worker deploy it to its end; its id."""
    world.push(name=name, revision=revision, **more)
    number = world.store.enqueue(Wanted(name, Trigger.WEBHOOK), 1.0)
    eventually(lambda: world.stored(number).ended_at)
    return number


def told(notifier: FakeNotifier, name: str = "web") -> list[tuple[int, str, Status]]:
    """What was taken of an app: deployment, first digit of the commit, status; no repetition."""
    found = [(one.deployment, one.revision[:1], one.status) for one in notifier.told.copy()]
    mine = [one.app == name for one in notifier.told.copy()]
    return list(dict.fromkeys(one for one, own in zip(found, mine, strict=False) if own))


def reason(world: World, name: str = "web") -> str:
    """What the trouble of an app's reports says; "" where there is none."""
    found = troubles(world.store, ["web", "api"], world.parts.now())
    return next((one.reason for one in found if one.what == f"report {name}"), "")


class TestOutbox:
    """Which deployments are told, when, and from where on."""

    def test_a_deployment_is_told_when_it_begins_and_when_it_ends(
        self, world: World, notifier: FakeNotifier
    ) -> None:
        world.change(limits=replace(app().limits, watch=0.5))
        with reporting(world, notifier):
            number = deploy(world)
            eventually(lambda: len(told(notifier)) == 2)
        assert told(notifier) == [(number, "1", Status.RUNNING), (number, "1", Status.SUCCEEDED)]
        last = notifier.told[-1]
        assert (last.description, last.page) == ("release 2 serves", f"{PAGES}{number}")

    def test_a_failed_one_is_told_with_its_reason_though_its_image_is_gone(
        self, world: World, notifier: FakeNotifier
    ) -> None:
        with reporting(world, notifier):
            number = deploy(world, behaviour=Behaviour.EXITS)
            eventually(lambda: (number, "1", Status.FAILED) in told(notifier))
        assert world.engine.kept() == {("web", 1), ("api", 1)}
        assert "exit code 3" in notifier.told[-1].description

    def test_a_rollback_is_told_of_the_earlier_commit(
        self, world: World, notifier: FakeNotifier
    ) -> None:
        with reporting(world, notifier):
            for revision in (FIRST, SECOND):
                deploy(world, revision)
            back = world.store.enqueue(Wanted("web", Trigger.ROLLBACK, release=2), 1.0)
            eventually(lambda: (back, "1", Status.SUCCEEDED) in told(notifier))

    def test_an_image_without_a_commit_is_not_told_of_and_the_log_says_so_once(
        self, world: World, notifier: FakeNotifier
    ) -> None:
        with structlog.testing.capture_logs() as logs, reporting(world, notifier):
            silent = deploy(world, "")
            number = deploy(world, SECOND)
            eventually(lambda: (number, "2", Status.SUCCEEDED) in told(notifier))
            assert reason(world) == ""
        assert {one.deployment for one in notifier.tried} == {number}
        said = [one["deployment"] for one in logs if one["event"] == "not reported"]
        assert said.count(silent) == 1

    def test_what_is_superseded_or_live_already_is_not_told(
        self, world: World, notifier: FakeNotifier
    ) -> None:
        with reporting(world, notifier):
            first = deploy(world)
            again = world.store.enqueue(Wanted("web", Trigger.WEBHOOK), 1.0)
            eventually(lambda: world.stored(again).status is Status.UNCHANGED)
            last = deploy(world, SECOND)
            eventually(lambda: (last, "2", Status.SUCCEEDED) in told(notifier))
        assert {one.deployment for one in notifier.tried} == {first, last}

    def test_an_app_is_shown_once_its_deployments_are_told_of(
        self, world: World, notifier: FakeNotifier
    ) -> None:
        reports, changes = reports_of(world, notifier, {}), threading.Event()
        reports.begin()
        (run,) = reports.runs(changes.set)
        reports.follow({"web": TO})
        assert reports.shown() == {}
        stop = threading.Event()
        thread = threading.Thread(target=run, args=(stop,))
        thread.start()
        assert changes.wait(30)
        assert reports.shown() == {"web": {"reason": "", "since": None}}
        stop.set()
        thread.join(30)

    def test_an_app_without_a_report_is_not_told_of_and_one_that_gets_it_from_then_on(
        self, world: World, notifier: FakeNotifier
    ) -> None:
        with reporting(world, notifier, {}) as worker:
            deploy(world)
            assert worker.reports is not None
            worker.reports.follow({"web": TO})
            eventually(lambda: world.store.snapshot()["reports"].keys() == {"web"})
            number = deploy(world, SECOND)
            eventually(lambda: (number, "2", Status.SUCCEEDED) in told(notifier))
            worker.reports.follow({})
            eventually(lambda: world.store.snapshot()["reports"] == {})
            deploy(world, FIRST)
        assert {one.deployment for one in notifier.tried} == {number}

    def test_the_next_worker_tells_what_this_one_could_not_and_nothing_again(
        self, world: World, notifier: FakeNotifier
    ) -> None:
        with reporting(world, notifier):
            first = deploy(world)
            eventually(lambda: (first, "1", Status.SUCCEEDED) in told(notifier))
            eventually(lambda: self.left(world, both()) == [])
            notifier.answers = False
            second = deploy(world, SECOND)
            eventually(lambda: reason(world))
        notifier.answers = True
        notifier.tried.clear()
        with reporting(world, notifier):
            eventually(lambda: (second, "2", Status.SUCCEEDED) in told(notifier))
            eventually(lambda: self.left(world, both()) == [])
        assert {one.deployment for one in notifier.tried} == {second}
        notifier.tried.clear()
        with reporting(world, notifier):
            api = deploy(world, name="api")
            eventually(lambda: (api, "1", Status.SUCCEEDED) in told(notifier, "api"))
        assert {one.app for one in notifier.tried} == {"api"}

    def left(self, world: World, wanted: Mapping[str, Destination]) -> list[int]:
        """The deployments that a worker would begin with now."""
        begun = world.store.begin_reports(wanted.keys())
        return [
            one.deployment for one in world.store.changes(0) if one.id > begun.get(one.app, one.id)
        ]

    def test_a_store_that_is_away_for_a_moment_loses_no_report(
        self, world: World, notifier: FakeNotifier
    ) -> None:
        with reporting(world, notifier):
            eventually(lambda: world.store.begin_reports(both().keys()))
            for verb in ("changes", "reported", "changes", "reported"):
                world.store.fail(verb, StoreUnavailable("it is locked"))
            number = deploy(world)
            eventually(lambda: (number, "1", Status.SUCCEEDED) in told(notifier))
            eventually(lambda: self.left(world, both()) == [])


class TestFailing:
    """What fails is shown, tried a bounded number of times, and holds up nobody."""

    def test_what_may_pass_is_tried_again_shown_and_gone_when_it_works(
        self, world: World, notifier: FakeNotifier
    ) -> None:
        notifier.answers = False
        with reporting(world, notifier, attempts=10_000):
            number = deploy(world)
            eventually(lambda: "nobody answers; it is tried again" in reason(world))
            assert f"deployment {number} (" in reason(world)
            assert world.stored(number).status is Status.SUCCEEDED
            notifier.answers = True
            eventually(lambda: (number, "1", Status.SUCCEEDED) in told(notifier))
            eventually(lambda: reason(world) == "")

    def test_it_is_given_up_after_so_many_times_and_the_next_one_is_told(
        self, world: World, notifier: FakeNotifier
    ) -> None:
        world.change(limits=replace(app().limits, watch=0))
        notifier.answers = False
        with reporting(world, notifier, attempts=3):
            first = deploy(world)
            eventually(lambda: f"{first} (succeeded)" in reason(world))
            eventually(lambda: "given up" in reason(world))
            ends = [one for one in notifier.tried if one.status is Status.SUCCEEDED]
            assert len(ends) == 3
            notifier.answers = True
            second = deploy(world, SECOND)
            eventually(lambda: (second, "2", Status.SUCCEEDED) in told(notifier))
            eventually(lambda: reason(world) == "")
        assert all(one.deployment == second for one in notifier.told)

    def test_what_is_refused_is_tried_once(self, world: World, notifier: FakeNotifier) -> None:
        notifier.commits = {SECOND}
        with structlog.testing.capture_logs() as logs, reporting(world, notifier):
            number = deploy(world)
            eventually(lambda: f"{number} (succeeded)" in reason(world))
            assert "no such commit" in reason(world)
            assert "tried again" not in reason(world)
        tried = [one.status for one in notifier.tried]
        assert tried.count(Status.SUCCEEDED) == 1
        assert tried.count(Status.RUNNING) <= 1
        assert [one["log_level"] for one in logs if one["event"] == "report fails"][-1] == "warning"

    def test_a_server_says_when_it_wants_to_be_asked_again(
        self, world: World, notifier: FakeNotifier
    ) -> None:
        def busy(_: Report) -> None:
            raise ReportUnavailable("asked too often", after=600)

        notifier.happens = busy
        with reporting(world, notifier):
            deploy(world)
            eventually(lambda: "tried again" in reason(world))
            api = deploy(world, name="api")
            eventually(lambda: "tried again" in reason(world, "api"))
            assert len([one for one in notifier.tried if one.app == "web"]) == 1
            assert world.stored(api).status is Status.SUCCEEDED

    def test_a_token_that_is_missing_for_a_moment_is_waited_for(
        self, world: World, notifier: FakeNotifier
    ) -> None:
        missing = ConfigError(["apps.web.report.token_file: the file has no token"])

        def once(_: Report) -> None:
            notifier.happens = lambda _: None
            raise missing

        notifier.happens = once
        with reporting(world, notifier):
            number = deploy(world)
            eventually(lambda: (number, "1", Status.SUCCEEDED) in told(notifier))

    def test_a_server_that_hangs_holds_up_no_other_app_and_no_end_of_the_worker(
        self, world: World, notifier: FakeNotifier
    ) -> None:
        gate, stop = threading.Event(), threading.Event()
        notifier.happens = lambda one: one.app == "web" and gate.wait(20)
        reports = reports_of(world, notifier, both(), limit=0.2, attempts=10_000)
        reports.begin()
        thread = threading.Thread(target=reports.runs(lambda: None)[0], args=(stop,))
        thread.start()
        try:
            for name in ("web", "api"):
                world.push(name=name, revision=FIRST)
                world.deploy(Wanted(name, Trigger.WEBHOOK))
            eventually(lambda: "not taken within 0.2 s" in reports.shown()["web"]["reason"])
            eventually(lambda: told(notifier, "api"))
            stop.set()
            thread.join(2)
            assert not thread.is_alive()
        finally:
            stop.set()
            gate.set()
            thread.join()

    def test_a_fault_of_our_own_is_told_and_ends_no_reports(
        self, world: World, notifier: FakeNotifier
    ) -> None:
        def broken(_: Report) -> None:
            raise KeyError("canary-secret")

        notifier.happens = broken
        with reporting(world, notifier):
            deploy(world)
            eventually(lambda: "a fault in deployer itself (KeyError)" in reason(world))
            assert "canary" not in reason(world)
            notifier.happens = lambda _: None
            number = deploy(world, SECOND)
            eventually(lambda: (number, "2", Status.SUCCEEDED) in told(notifier))

    def test_a_deployment_is_the_same_whatever_comes_of_its_report(
        self, world: World, notifier: FakeNotifier
    ) -> None:
        """Its status, steps, reason and messages, with a server that refuses and without one."""
        seen: list[tuple[Deployment, list[str]]] = []
        for error in (None, ReportRefused("no"), ReportUnavailable("away")):

            def happens(_: Report, error: Exception | None = error) -> None:
                if error is not None:
                    raise error

            notifier.happens = happens
            with reporting(world, notifier):
                number = deploy(world, FIRST)
                eventually(lambda: notifier.tried)
                eventually(partial(lambda one: world.stored(one).step == "retire", number))
            seen.append((world.stored(number), world.messages(number)))
            notifier.tried.clear()
        assert {one.status for one, _ in seen} == {Status.SUCCEEDED}
        assert len({len(messages) for _, messages in seen[1:]}) == 1
