"""The worker's loop, run as it is: in a thread of its own, until it is told to stop."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import structlog

from deployer.config import load
from deployer.config.sources import Sources
from deployer.deployment import MAX_ATTEMPTS, Deployment, Status, Step, Trigger, Wanted
from deployer.errors import EngineUnavailable, NotConfirmed, StartFailed
from deployer.model import Image, Limits, Running
from deployer.outputs import Outputs
from deployer.ports import Order
from deployer.reloading import Reloading
from deployer.reports import Reports
from deployer.spec import Spec
from deployer.worker import Worker
from tests.world import World, app, must, small_world

LONG = Limits(watch=3600)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two apps, `web` and `api`, whose images are in the registry; nothing has ever run."""
    with small_world(tmp_path, app("web"), app("api")) as world:
        for name in world.parts.apps:
            world.push(name=name)
        yield world


def eventually(is_true: Callable[[], object], limit: float = 30.0) -> None:
    """Wait until it is true."""
    end = time.monotonic() + limit
    while not is_true():
        assert time.monotonic() < end, f"not within {limit} s"
        time.sleep(0.005)


@contextmanager
def working(
    world: World,
    parallel: int = 4,
    resync: float = 0.1,
    reloading: Reloading | None = None,
    outputs: Outputs | None = None,
    reports: Reports | None = None,
) -> Iterator[Worker]:
    """A worker that runs until the end of the block, and ends then with all its threads."""
    world.stop.clear()
    before = set(threading.enumerate())
    parts = replace(world.parts, wait=world.stop.wait)
    worker = Worker(
        parts, world.proxy, world.stop, parallel, resync, 0.02, reloading, outputs, reports
    )
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
        assert thread.is_alive()
    finally:
        world.stop.set()
        thread.join(10)
        assert not thread.is_alive()
        assert set(threading.enumerate()) <= before


def newest(world: World, name: str = "web") -> Deployment | None:
    """An app's newest deployment."""
    return next(iter(world.store.deployments(name, limit=1)), None)


def ended(world: World, number: int) -> bool:
    """Whether a deployment has ended and what it replaced is gone."""
    one = world.stored(number)
    if one.status is Status.SUCCEEDED:
        deployments = {replica.deployment for replica in world.replicas(one.app)}
        return one.step is Step.RETIRE and deployments == {number}
    return one.ended_at is not None


def serving(world: World, *names: str) -> bool:
    """Whether these apps serve, routed to just their active replicas, and nothing else runs."""
    active = world.store.active()
    return world.store.running() == [] and all(
        name in active
        and {one.deployment for one in world.replicas(name)} == {active[name].deployment}
        and sorted(world.routed(name)) == world.addresses(active[name].deployment)
        for name in names
    )


def looks(world: World) -> None:
    """Wait until the worker has had another look at what there is."""
    now = time.time()
    eventually(lambda: world.store.snapshot().get("at", 0.0) > now)


@pytest.fixture
def served(world: World) -> World:
    """Both apps serve release 1; no worker runs."""
    with working(world):
        eventually(lambda: serving(world, "web", "api"))
    return world


def queue(world: World, name: str = "web", **asked: object) -> int:
    """Queue a webhook's deployment of a newly pushed image; its id."""
    world.push(name=name)
    wanted = replace(Wanted(name, Trigger.WEBHOOK), **asked)  # type: ignore[arg-type]
    return world.store.enqueue(wanted, 1.0)


def messages(logs: Sequence[object], event: str) -> list[object]:
    """The log lines of an event."""
    return [line for line in logs if isinstance(line, dict) and line["event"] == event]


def test_apps_that_never_ran_are_deployed_at_start(world: World) -> None:
    with working(world):
        eventually(lambda: serving(world, "web", "api"))
    for name in ("web", "api"):
        (first,) = world.store.deployments(name)
        assert (first.trigger, first.status) == (Trigger.BOOTSTRAP, Status.SUCCEEDED)


def test_apps_that_serve_or_wait_are_not_bootstrapped_again(served: World) -> None:
    with working(served):
        looks(served)
    assert len(served.store.deployments()) == 2


def test_orders_are_answered_and_carried_out(served: World) -> None:
    deploy = served.store.give(Order(0, "deploy", "web", "alice", 1.0))
    refused = served.store.give(Order(0, "deploy", "web", "alice", 1.0, tag="evil"))
    with working(served):
        eventually(lambda: served.store.open_orders() == [])
        number = must(must(served.store.order(deploy)).deployment)
        eventually(lambda: served.stored(number).status is Status.UNCHANGED)
        assert must(served.store.order(refused)).result == "refused"
        rollback = served.store.give(Order(0, "rollback", "web", "alice", 1.0, release=1))
        eventually(lambda: must(served.store.order(rollback)).result == "accepted")


def test_of_what_comes_while_one_runs_only_the_newest_is_deployed(served: World) -> None:
    gate = served.engine.close(served.parts.apps["web"])
    first = queue(served)
    with working(served):
        eventually(lambda: served.stored(first).step is Step.PULL)
        second, third = queue(served), queue(served)
        assert served.stored(second).status is Status.SUPERSEDED
        gate.set()
        eventually(lambda: ended(served, third))
    assert served.stored(first).status is Status.SUCCEEDED
    assert served.stored(third).status is Status.SUCCEEDED
    assert served.routed() == served.addresses(third)


def test_apps_are_deployed_in_parallel_and_one_app_never_twice_at_once(served: World) -> None:
    gates = [served.engine.close(one) for one in served.parts.apps.values()]
    first, other = queue(served, "web"), queue(served, "api")
    with working(served):
        eventually(lambda: served.stored(first).step is Step.PULL)
        eventually(lambda: served.stored(other).step is Step.PULL)
        waiting = queue(served, "web")
        looks(served)
        assert served.stored(waiting).status is Status.QUEUED
        for gate in gates:
            gate.set()
        eventually(lambda: ended(served, waiting) and ended(served, other))
    assert serving(served, "web", "api")


def test_no_more_than_so_many_run_at_once(served: World) -> None:
    gate = served.engine.close(served.parts.apps["web"])
    first, other = queue(served, "web"), queue(served, "api")
    with working(served, parallel=1):
        eventually(lambda: served.stored(first).step is Step.PULL)
        assert served.stored(other).status is Status.QUEUED
        gate.set()
        eventually(lambda: ended(served, other))


def test_the_next_one_begins_while_the_last_one_drains(served: World) -> None:
    """The drain may take half a minute, in which nothing must wait."""
    served.proxy.holding = True
    first = queue(served)
    with working(served):
        eventually(lambda: served.stored(first).step is Step.DRAIN)
        second = queue(served)
        eventually(lambda: served.stored(second).status is Status.SUCCEEDED)
        assert len(served.replicas()) == 3
        served.proxy.let_go()
        served.proxy.holding = False
        eventually(lambda: ended(served, second) and ended(served, first) is False)
    assert serving(served, "web")


def pulls(world: World, number: int, attempt: int) -> bool:
    """Whether this attempt of a deployment has come to its pull."""
    one = world.stored(number)
    return (one.attempt, one.step) == (attempt, Step.PULL)


class TestRecovery:
    """What a worker left behind is taken up by the next."""

    def interrupt(self, world: World, step: Step) -> int:
        """A deployment that was under way in this step when its worker was stopped."""
        gate = world.engine.close(world.parts.apps["web"])
        if step is Step.PULL:
            number = queue(world)
        else:
            gate.set()
            world.change(limits=LONG)
            number = queue(world)
        with working(world):
            eventually(lambda: world.stored(number).step is step)
        assert world.stored(number).status is Status.RUNNING
        return number

    def test_no_more_than_so_many_are_taken_up_at_once(self, served: World) -> None:
        gates = [served.engine.close(served.parts.apps[name]) for name in ("web", "api")]
        numbers = [queue(served, name) for name in ("web", "api")]
        with working(served):
            eventually(lambda: all(served.stored(one).step is Step.PULL for one in numbers))
        with working(served, parallel=1):
            eventually(lambda: 2 in [served.stored(one).attempt for one in numbers])
            looks(served)
            assert sorted(served.stored(one).attempt for one in numbers) == [1, 2]
            for gate in gates:
                gate.set()
            eventually(lambda: all(ended(served, one) for one in numbers))
        assert serving(served, "web", "api")

    def test_before_the_switch_it_begins_again(self, served: World) -> None:
        number = self.interrupt(served, Step.PULL)
        served.engine.close(served.parts.apps["web"]).set()
        with working(served):
            eventually(lambda: ended(served, number))
        assert served.stored(number).status is Status.SUCCEEDED
        assert served.stored(number).attempt == 2
        assert "attempt 2: the one before was interrupted" in served.messages(number)
        assert serving(served, "web")

    def test_after_the_last_attempt_it_has_failed_and_says_why(self, served: World) -> None:
        number = self.interrupt(served, Step.PULL)
        for attempt in range(2, MAX_ATTEMPTS + 1):
            with working(served):
                eventually(partial(pulls, served, number, attempt))
        with working(served):
            eventually(lambda: ended(served, number))
        failed = served.stored(number)
        assert (failed.status, failed.serving) == (Status.FAILED, 1)
        assert failed.reason.startswith("interrupted 3 times before the switch")
        assert serving(served, "web")

    def test_after_the_switch_it_goes_forward(self, served: World) -> None:
        number = self.interrupt(served, Step.WATCH)
        with working(served):
            eventually(lambda: ended(served, number))
        assert served.stored(number).status is Status.SUCCEEDED
        assert served.stored(number).reason.startswith("release 2 serves; the worker was stopped")
        assert serving(served, "web")

    def test_what_ends_while_the_store_is_asked_what_runs_is_not_recovered(
        self, served: World
    ) -> None:
        """Its replicas would be removed, or its end be told twice."""
        gate = served.engine.close(served.parts.apps["web"])
        number = queue(served)
        with structlog.testing.capture_logs() as logs, working(served):
            eventually(lambda: served.stored(number).step is Step.PULL)

            def end_meanwhile() -> None:
                gate.set()
                eventually(lambda: messages(logs, "deployment ended"))

            served.store.after["running"] = end_meanwhile
            eventually(lambda: ended(served, number))
            looks(served)
        assert messages(logs, "recovering") == []

    def test_what_was_killed_in_the_middle_leaves_no_replica_and_no_release(
        self, served: World
    ) -> None:
        """Nothing was undone; all that tells of it are its row and its labels."""
        image = served.push()
        number = served.store.enqueue(Wanted("web", Trigger.WEBHOOK), 1.0)
        claimed = must(served.store.claim(2.0))
        served.engine.pull(image, stall=1, timeout=1, stopping=lambda: None)
        release = served.store.add_release("web", image, served.parts.apps["web"].spec, 1.0)
        served.engine.start(release, number)
        killed = replace(claimed, step=Step.START, release=release.number, attempt=MAX_ATTEMPTS)
        served.store.save(killed, 1.0)
        with working(served):
            eventually(lambda: ended(served, number))
        assert served.stored(number).status is Status.FAILED
        assert served.releases() == [1]
        assert serving(served, "web")

    def test_left_overs_are_retired_once_no_worker_knows_them(self, served: World) -> None:
        served.proxy.holding = True
        number = queue(served)
        with working(served):
            eventually(lambda: served.stored(number).step is Step.DRAIN)
        assert len(served.replicas()) == 2
        served.traffic.switch("api", None)
        with working(served):
            eventually(lambda: served.routed("api") != [])
            assert len(served.replicas()) == 2
            served.proxy.let_go()
            eventually(lambda: len(served.replicas()) == 1)
        assert serving(served, "web", "api")

    def test_containers_of_apps_that_the_configuration_does_not_name_are_left(
        self, served: World
    ) -> None:
        release = served.store.open_release("web", 1)
        (other,) = served.engine.start(replace(release, app="other"), 99)
        number = queue(served)
        with working(served):
            eventually(lambda: ended(served, number))
        assert served.replicas("other") == [other]

    def test_nginx_is_brought_to_what_the_store_says(self, served: World) -> None:
        served.traffic.switch("web", None)
        with working(served):
            eventually(lambda: serving(served, "web", "api"))


class TestAway:
    """What is away for a while is waited for, and said once."""

    def test_docker_at_start(self, world: World) -> None:
        for _ in range(3):
            world.engine.fail("replicas", EngineUnavailable("Docker is away"))
        with structlog.testing.capture_logs() as logs, working(world):
            eventually(lambda: serving(world, "web", "api"))
        (said,) = messages(logs, "worker waits")
        assert said["reason"] == "Docker is away"  # type: ignore[index]
        assert len(messages(logs, "worker goes on")) == 1

    def test_what_docker_ended_serves_again_and_what_was_stopped_before_does_not(
        self, served: World
    ) -> None:
        (web,), (api,) = served.replicas("web"), served.replicas("api")
        with working(served):
            looks(served)
            served.engine.change(api, Running.EXITED, exit_code=0)
            eventually(lambda: served.routed("api") == [])
            for _ in range(100_000):
                served.engine.fail("replicas", EngineUnavailable("Docker is away"))
            eventually(lambda: waits(served) == ["Docker is away"])
            served.engine.change(web, Running.EXITED, exit_code=137)
            served.engine.calm()
            eventually(lambda: served.routed("web") not in ([], [web.address]))
            looks(served)
            assert served.routed("api") == []

    def test_what_cannot_be_started_again_after_docker_was_away_is_in_the_snapshot(
        self, served: World
    ) -> None:
        (web,) = served.replicas("web")
        with working(served):
            looks(served)
            for _ in range(100_000):
                served.engine.fail("replicas", EngineUnavailable("Docker is away"))
            eventually(lambda: waits(served) == ["Docker is away"])
            served.engine.change(web, Running.EXITED, exit_code=137)
            served.engine.calm()
            served.engine.fail("revive", StartFailed("the disk is full. Make room"))
            eventually(lambda: "the disk is full. Make room" in "".join(waits(served)))
            served.engine.change(web, Running.RUNNING)
            eventually(lambda: waits(served) == [] and served.routed("web") != [])

    def test_the_store(self, served: World) -> None:
        with structlog.testing.capture_logs() as logs, working(served):
            looks(served)
            with closing(sqlite3.connect(served.path, isolation_level=None)) as holder:
                number = queue(served)
                holder.execute("BEGIN IMMEDIATE")
                eventually(lambda: messages(logs, "worker waits"))
                holder.execute("ROLLBACK")
            eventually(lambda: ended(served, number))
        assert served.stored(number).status is Status.SUCCEEDED
        assert serving(served, "web")

    def test_an_nginx_that_takes_no_routes_is_said_once_and_all_else_goes_on(
        self, served: World
    ) -> None:
        with structlog.testing.capture_logs() as logs, working(served):
            looks(served)
            served.proxy.fail(NotConfirmed("Nginx takes nothing"), times=100_000)
            (one,) = served.replicas("api")
            served.engine.change(one, Running.EXITED, exit_code=0)
            served.engine.change(one, Running.RUNNING)
            eventually(lambda: messages(logs, "worker waits"))
            for _ in range(3):
                looks(served)
            order = served.store.give(Order(0, "deploy", "web", "alice", 1.0))
            eventually(lambda: must(served.store.order(order)).result == "accepted")
        (said,) = messages(logs, "worker waits")
        assert said["reason"] == "Nginx takes nothing"  # type: ignore[index]

    def test_it_is_in_the_snapshot_with_its_reason_until_it_is_back(self, served: World) -> None:
        with working(served):
            looks(served)
            for _ in range(100_000):
                served.engine.fail("replicas", EngineUnavailable("Docker is away"))
            eventually(lambda: waits(served) == ["Docker is away"])
            served.engine.calm()
            eventually(lambda: waits(served) == [])


def waits(world: World) -> list[str]:
    """The reasons of what the worker waits for, once each."""
    found = world.store.snapshot().get("worker", {}).get("waits", [])
    return sorted({one["reason"] for one in found})


class TestLooking:
    """The worker follows what Docker shows, and shows it."""

    def test_the_snapshot_tells_of_nginx_and_every_replica(self, served: World) -> None:
        with working(served):
            looks(served)
        seen = served.store.snapshot()
        assert seen["nginx"] == {
            "version": [1, 30, 0],
            "user": "nginx",
            "modules": [],
            "where": "",
            "group": None,
            "folder": "",
            "gateway": "",
            "live": served.proxy.live(),
            "draining": 0,
            "reloads": served.proxy.reloads(),
            "held": [],
            "draining_generations": 0,
            "put_off": [],
        }
        (web,) = served.replicas("web")
        assert seen["apps"]["web"] == [
            {
                "name": web.name,
                "id": web.id,
                "address": web.address,
                "state": "running",
                "health": "",
                "release": 1,
                "deployment": web.deployment,
            }
        ]
        assert seen["images"] == {"web": [1], "api": [1]}
        kept = {"worker", "reconcile", "left_behind", "certificates"}
        assert set(seen) == {"at", "pid", "nginx", "waits", "apps", "images", *kept}

    def test_a_push_that_nobody_told_of_is_deployed_and_the_snapshot_shows_it(
        self, served: World
    ) -> None:
        """Between two looks of the worker; the app's tag is compared every tenth of a second."""
        image = served.push()
        served.change("web", reconcile=0.1)
        with working(served):
            eventually(lambda: serving(served, "web") and must(newest(served)).id == 3)
            looks(served)
            shown = served.store.snapshot()["reconcile"]
        assert must(newest(served)).trigger is Trigger.RECONCILE
        assert (shown["apps"]["web"]["digest"], shown["failing"]) == (image.digest, [])

    def test_the_route_follows_a_replica_to_its_new_address(self, served: World) -> None:
        (one,) = served.replicas("web")
        with working(served):
            served.engine.change(one, Running.EXITED, exit_code=0)
            served.engine.change(one, Running.RUNNING)
            eventually(lambda: served.routed("web") not in ([one.address], []))
        assert serving(served, "web", "api")

    def test_a_change_in_docker_is_followed_without_waiting_for_the_next_look(
        self, served: World
    ) -> None:
        (one,) = served.replicas("web")
        with working(served, resync=3600.0):
            eventually(lambda: served.store.snapshot().get("worker"))
            served.engine.change(one, Running.EXITED, exit_code=0)
            eventually(lambda: served.routed("web") == [])
            served.engine.change(one, Running.RUNNING)
            eventually(lambda: served.routed("web") != [])

    def test_maintenance_begins_at_once_and_lasts_without_replicas_and_over_restarts(
        self, served: World
    ) -> None:
        (one,) = served.replicas("web")

        def closed() -> list[str]:
            return [route.app for route in served.proxy.routes if route.handling.maintenance]

        with working(served, resync=3600.0):
            eventually(lambda: served.store.snapshot().get("worker"))
            served.store.give(Order(0, "maintenance-on", "web", "alice", 1.0))
            eventually(lambda: closed() == ["web"])
            served.engine.change(one, Running.EXITED, exit_code=0)
            eventually(lambda: served.routed("web") == [])
            assert closed() == ["web"]
            served.engine.change(one, Running.RUNNING)
        with working(served):
            eventually(lambda: served.routed("web") != [])
            assert closed() == ["web"]
            served.store.give(Order(0, "maintenance-off", "web", "alice", 1.0))
            eventually(lambda: closed() == [])

    def test_a_deployment_succeeds_while_its_app_is_in_maintenance(self, served: World) -> None:
        with working(served):
            served.store.give(Order(0, "maintenance-on", "web", "alice", 1.0))
            eventually(lambda: served.store.maintained())
            served.push(name="web")
            number = served.store.enqueue(Wanted("web", Trigger.OPERATOR), 1.0)
            eventually(lambda: ended(served, number))
        assert served.stored(number).status is Status.SUCCEEDED
        assert [one.app for one in served.proxy.routes if one.handling.maintenance] == ["web"]

    def test_an_app_without_a_running_replica_loses_its_route(self, served: World) -> None:
        """Its freed address may be the next container's, and that another app's."""
        (one,) = served.replicas("web")
        with working(served):
            looks(served)
            served.engine.change(one, Running.EXITED, exit_code=0)
            eventually(lambda: served.routed("web") == [])
            assert served.routed("api") != []
            served.engine.change(one, Running.RUNNING)
            eventually(lambda: serving(served, "web", "api"))

    def test_an_app_with_a_deployment_under_way_is_left_to_it(self, served: World) -> None:
        served.engine.close(served.parts.apps["web"])
        number = queue(served)
        (one,) = served.replicas("web")
        with working(served):
            eventually(lambda: served.stored(number).step is Step.PULL)
            looks(served)
            served.engine.change(one, Running.EXITED, exit_code=0)
            served.engine.change(one, Running.RUNNING)
            moved = served.addresses(one.deployment)
            eventually(lambda: served.store.snapshot()["apps"]["web"][0]["address"] == moved[0])
            looks(served)
            assert served.routed("web") == [one.address]


def break_down() -> None:
    """Do what nobody expects."""
    raise ZeroDivisionError("a fault")


class TestFaults:
    """A fault in deployer itself ends one deployment and nothing else."""

    def test_an_unexpected_error_ends_the_deployment_and_undoes_it(self, served: World) -> None:
        served.change(limits=LONG)
        served.store.at[Step.WATCH] = break_down
        number = queue(served)
        with structlog.testing.capture_logs() as logs, working(served):
            eventually(lambda: ended(served, number) and serving(served, "web"))
            following = queue(served)
            served.store.at[Step.WATCH] = lambda: queue(served)
            eventually(lambda: served.stored(following).status is Status.SUCCEEDED)
        failed = served.stored(number)
        assert (failed.status, failed.serving) == (Status.FAILED, 1)
        assert "a fault in deployer itself (ZeroDivisionError)" in failed.reason
        assert len(messages(logs, "deployment broke")) == 1

    def test_an_unexpected_error_in_the_clean_up_is_logged(self, served: World) -> None:
        served.store.at[Step.DRAIN] = break_down
        number = queue(served)
        with structlog.testing.capture_logs() as logs, working(served):
            eventually(lambda: messages(logs, "clean-up broke, left to the next start"))
        assert served.stored(number).status is Status.SUCCEEDED
        with working(served):
            eventually(lambda: serving(served, "web"))

    def test_an_unexpected_error_in_the_loop_ends_every_thread(self, served: World) -> None:
        """Nothing may go on deploying when nobody looks after it; `serve` starts it anew."""
        served.engine.close(served.parts.apps["web"])
        number = queue(served)
        parts = replace(served.parts, wait=served.stop.wait)
        worker = Worker(parts, served.proxy, served.stop, resync=0.05)

        served.stop.clear()
        served.store.at[Step.PULL] = lambda: served.store.after.update(running=break_down)
        before = set(threading.enumerate())
        with pytest.raises(ZeroDivisionError):
            worker.run()
        assert set(threading.enumerate()) <= before
        assert served.stored(number).status is Status.RUNNING


class TestConfiguration:
    """A changed config.yml, from the file to what runs."""

    @pytest.fixture
    def path(self, served: World, tmp_path: Path) -> Path:
        """A config.yml that says of both apps what they serve."""
        path = tmp_path / "config.yml"
        path.write_text(self.text(served))
        served.parts = replace(served.parts, apps=load(path, {}, part="worker").apps)
        return path

    def text(self, world: World, *names: str, more: str = "") -> str:
        apps = {
            name: {
                "image": f"docker.io/acme/{name}",
                "environment": {"PORT": "8080"},
                "route": {"host": f"{name}.example.com", "port": 8080},
                "health": {"path": "/healthz", "interval": "100ms", "deadline": "5s"},
                "deploy": {"watch": 0},
                "reconcile": {"interval": "off"},
            }
            for name in names or ("web", "api")
        }
        return json.dumps({"apps": apps}).replace('8080"}', f'8080"{more}}}')

    @contextmanager
    def following(self, world: World, path: Path) -> Iterator[None]:
        sources = Sources(path, lambda: load(path, {}, part="worker"), settle=0.02)
        asked = threading.Event()
        reloading = Reloading(sources, sources.load(), asked, glance=0.01)
        with working(world, reloading=reloading):
            eventually(lambda: world.store.snapshot().get("config"))
            yield

    def test_a_changed_route_goes_live_without_a_deployment(
        self, served: World, path: Path
    ) -> None:
        before = must(newest(served)).id, served.routed("web")
        with self.following(served, path):
            text = self.text(served).replace('"port": 8080', '"max_body": "2m", "port": 8080')
            path.write_text(text)
            eventually(lambda: {one.handling.max_body for one in served.proxy.routes} == {2 << 20})
            looks(served)
        assert (must(newest(served)).id, served.routed("web")) == before

    def test_a_changed_environment_is_deployed_with_the_digest_that_serves(
        self, served: World, path: Path
    ) -> None:
        with self.following(served, path):
            path.write_text(self.text(served, more=', "MORE": "1"'))
            eventually(
                lambda: (
                    {one.trigger for one in served.store.last_deployments().values()}
                    == {Trigger.CONFIG}
                )
            )
            eventually(lambda: all(ended(served, number) for number in (3, 4)))
            assert serving(served, "web", "api")
        assert {served.stored(one).digest for one in (3, 4)} == {
            served.stored(one).digest for one in (1, 2)
        }

    def test_a_new_app_is_started_and_one_that_is_gone_loses_its_route_and_nothing_else(
        self, served: World, path: Path
    ) -> None:
        """It is back at once when it is configured again."""
        served.registry.push(Image("docker.io", "acme/shop", "latest"))
        with self.following(served, path):
            path.write_text(self.text(served, "web", "shop"))
            eventually(lambda: serving(served, "web", "shop"))
            eventually(lambda: served.routed("api") == [])
            assert len(served.replicas("api")) == 1
            assert "api" in served.store.active()
            path.write_text(self.text(served))
            eventually(lambda: serving(served, "web", "api"))
        assert must(newest(served, "api")).id == 2

    def test_a_new_app_that_adopts_a_container_does_so_first(
        self, served: World, path: Path
    ) -> None:
        stranger = served.engine.stranger("shop", served.push(name="web"), Spec())
        served.registry.push(Image("docker.io", "acme/shop", "latest"))
        with self.following(served, path):
            text = json.loads(self.text(served, "web", "api", "shop"))
            text["apps"]["shop"]["adopt"] = "shop"
            path.write_text(json.dumps(text))
            eventually(lambda: serving(served, "web", "api", "shop"))
            eventually(lambda: must(newest(served, "shop")).status is Status.SUCCEEDED)
        assert served.store.adopted()[0].container == stranger.id
        assert [one.status for one in served.store.deployments("shop")] == [Status.SUCCEEDED] * 2

    def test_a_broken_one_changes_nothing_and_is_in_the_snapshot_until_it_is_mended(
        self, served: World, path: Path
    ) -> None:
        def problem() -> object:
            return served.store.snapshot()["config"]["problem"]

        before = path.read_text()
        with self.following(served, path):
            path.write_text(before.replace("environment", "enviroment"))
            eventually(problem)
            path.write_text(before)
            eventually(lambda: problem() is None)
            assert serving(served, "web", "api")
        assert must(newest(served)).id < 3

    def test_what_was_changed_while_no_worker_ran_is_deployed_at_its_start(
        self, served: World
    ) -> None:
        served.change("web", spec=Spec(environment=(("MORE", "1"),)))
        with working(served):
            eventually(lambda: must(newest(served)).id == 3 and ended(served, 3))
        assert must(newest(served)).trigger is Trigger.CONFIG
