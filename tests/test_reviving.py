"""What Docker ended when it ended itself runs again; what somebody stopped stays stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from deployer.deployment import Deployment, Status, Trigger, Wanted
from deployer.errors import EngineUnavailable, StartFailed
from deployer.model import Replica, Running
from deployer.reviving import Reviving
from deployer.spec import Spec
from tests.world import World, app, must, small_world

AWAY = EngineUnavailable("Docker is away. Start it")
REFUSED = StartFailed("cannot start container web-1-1 again: the disk is full. Make room")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two apps, `web` and `api`, that serve."""
    with small_world(tmp_path, app("web"), app("api")) as made:
        for name in made.parts.apps:
            made.push(name=name)
            made.deploy(Wanted(name, Trigger.WEBHOOK))
        yield made


@pytest.fixture
def clock() -> list[float]:
    """The seconds that have passed."""
    return [0.0]


@pytest.fixture
def reviving(world: World, clock: list[float]) -> Reviving:
    """One that has looked, with nothing known of an earlier worker."""
    made = Reviving(lambda: world.parts, clock=lambda: clock[0])
    made.replicas()
    return made


def only(world: World, name: str = "web") -> Replica:
    (one,) = world.replicas(name)
    return one


def stop(world: World, *names: str, code: int = 137) -> None:
    for name in names or ("web",):
        world.engine.change(only(world, name), Running.EXITED, exit_code=code)


def states(found: list[Replica]) -> dict[str, str]:
    return {one.app: one.state.value for one in found}


def revived(world: World) -> list[str]:
    """Whom Docker was asked to start again, and with which policy."""
    return sorted(about for verb, about in world.journal if verb == "revive")


def begin(world: World, name: str = "web") -> Deployment:
    """A deployment of the app is under way."""
    world.store.enqueue(Wanted(name, Trigger.WEBHOOK), 1.0)
    return must(world.store.claim(2.0))


def shown(world: World, at: float = 2e9, **stopped: Running) -> None:
    """What a worker saw last, at this time; the apps ran unless it says otherwise."""
    apps = {
        one.app: [
            {
                "id": one.id,
                "name": one.name,
                "address": one.address,
                "state": stopped.get(one.app, Running.RUNNING).value,
                "health": "",
                "release": one.release,
                "deployment": one.deployment,
            }
        ]
        for one in world.engine.replicas()
    }
    world.store.show({"at": at, "apps": apps})


def test_what_ran_before_docker_went_and_has_ended_is_started_with_its_own_policy(
    world: World, reviving: Reviving
) -> None:
    stop(world, "web", "api")
    reviving.lost()
    with structlog.testing.capture_logs() as logs:
        assert states(reviving.replicas()) == {"web": "running", "api": "running"}
    assert revived(world) == ["api-2-1 unless-stopped", "web-1-1 unless-stopped"]
    assert sorted(line["app"] for line in logs) == ["api", "web"]


def test_a_look_that_found_docker_away_is_enough_to_know_it(
    world: World, reviving: Reviving
) -> None:
    world.engine.fail("replicas", AWAY)
    with pytest.raises(EngineUnavailable):
        reviving.replicas()
    stop(world)
    assert states(reviving.replicas())["web"] == "running"


def test_what_was_seen_stopped_before_docker_went_stays_stopped(
    world: World, reviving: Reviving
) -> None:
    stop(world)
    reviving.replicas()
    reviving.lost()
    assert states(reviving.replicas()) == {"web": "exited", "api": "running"}


def test_what_ends_while_docker_runs_is_left_to_docker(world: World, reviving: Reviving) -> None:
    reviving.lost()
    reviving.replicas()
    stop(world)
    for _ in range(3):
        assert states(reviving.replicas())["web"] == "exited"


def test_what_docker_has_started_again_itself_is_not_touched(
    world: World, reviving: Reviving
) -> None:
    reviving.lost()
    reviving.replicas()
    assert revived(world) == []


def test_what_docker_kept_restarting_counts_as_running(world: World, reviving: Reviving) -> None:
    world.engine.change(only(world), Running.RESTARTING, exit_code=1)
    reviving.replicas()
    stop(world)
    reviving.lost()
    assert states(reviving.replicas())["web"] == "running"


def test_one_that_is_never_to_be_restarted_is_left(world: World, reviving: Reviving) -> None:
    world.change("web", spec=Spec(restart="no"))
    world.push()
    world.deploy()
    reviving.replicas()
    stop(world, "web", "api")
    reviving.lost()
    assert states(reviving.replicas()) == {"web": "exited", "api": "running"}


def test_of_an_app_only_what_serves_is_started(world: World, reviving: Reviving) -> None:
    """What is kept stopped for the way back of a deployment, or is left over, is not."""
    release = world.store.open_release("web", 1)
    (other,) = world.engine.start(release, 99)
    reviving.replicas()
    world.engine.change(other, Running.EXITED, exit_code=0)
    reviving.lost()
    reviving.replicas()
    assert revived(world) == []


def test_an_app_that_the_configuration_does_not_name_is_left(
    world: World, reviving: Reviving
) -> None:
    world.parts = replace(world.parts, apps={"api": world.parts.apps["api"]})
    stop(world)
    reviving.lost()
    reviving.replicas()
    assert revived(world) == []


@pytest.mark.parametrize("held", [True, False])
def test_an_app_is_left_to_its_deployment_and_started_once_that_has_ended(
    world: World, reviving: Reviving, held: bool
) -> None:
    """Held by a thread of the worker, or only running in the store: it waits for its recovery."""
    running = None if held else begin(world)
    stop(world)
    reviving.lost()
    for _ in range(2):
        assert states(reviving.replicas({"web"} if held else ()))["web"] == "exited"
    if running:
        world.store.save(replace(running, status=Status.FAILED, reason="no", ended_at=3.0), 3.0)
    assert states(reviving.replicas())["web"] == "running"


class TestFailure:
    """What cannot be started is said, and tried again after ever longer pauses."""

    def test_it_is_tried_after_ever_longer_pauses(
        self, world: World, reviving: Reviving, clock: list[float]
    ) -> None:
        stop(world)
        reviving.lost()
        for _ in range(8):
            world.engine.fail("revive", REFUSED)
        tried: list[float] = []
        while states(reviving.replicas())["web"] == "exited":
            if len(revived(world)) > len(tried):
                tried.append(clock[0])
            clock[0] += 5
        assert tried == [0, 5, 15, 35, 75, 155, 315, 615]
        assert clock[0] == 915
        reviving.check()

    def test_one_that_somebody_stops_after_he_has_started_it_stays_stopped(
        self, world: World, reviving: Reviving, clock: list[float]
    ) -> None:
        stop(world)
        reviving.lost()
        world.engine.fail("revive", REFUSED)
        reviving.replicas()
        world.engine.change(only(world), Running.RUNNING)
        reviving.replicas()
        stop(world)
        clock[0] = 1000.0
        assert states(reviving.replicas())["web"] == "exited"

    def test_it_is_said_until_it_runs(self, world: World, reviving: Reviving) -> None:
        stop(world)
        reviving.lost()
        world.engine.fail("revive", REFUSED)
        for _ in range(3):
            assert states(reviving.replicas())["web"] == "exited"
            with pytest.raises(StartFailed, match="the disk is full"):
                reviving.check()
        assert len(revived(world)) == 1
        world.engine.change(only(world), Running.RUNNING)
        reviving.replicas()
        reviving.check()

    def test_the_others_are_started_all_the_same(self, world: World, reviving: Reviving) -> None:
        stop(world, "web", "api")
        reviving.lost()
        world.engine.fail("revive", REFUSED)
        assert sorted(states(reviving.replicas()).values()) == ["exited", "running"]

    def test_one_that_a_deployment_has_replaced_is_not_told_of_any_more(
        self, world: World, reviving: Reviving
    ) -> None:
        stop(world)
        reviving.lost()
        world.engine.fail("revive", REFUSED)
        reviving.replicas()
        world.push()
        world.deploy()
        reviving.replicas()
        reviving.check()

    def test_a_docker_that_goes_away_again_meanwhile_gets_it_when_it_is_back(
        self, world: World, reviving: Reviving
    ) -> None:
        stop(world)
        reviving.lost()
        world.engine.fail("revive", AWAY)
        assert states(reviving.replicas())["web"] == "exited"
        world.engine.fail("replicas", AWAY)
        with pytest.raises(EngineUnavailable):
            reviving.replicas()
        assert states(reviving.replicas())["web"] == "running"
        reviving.replicas()
        reviving.check()

    def test_one_whose_start_never_ends_is_not_tried_in_a_loop(
        self, world: World, reviving: Reviving
    ) -> None:
        """Docker answers everything else, so it was not away."""
        stop(world)
        reviving.lost()
        world.engine.fail("revive", AWAY)
        for _ in range(3):
            reviving.replicas()
        assert len(revived(world)) == 1
        with pytest.raises(StartFailed, match="Docker is away"):
            reviving.check()


class TestAtTheStartOfTheWorker:
    """The worker may have died with Docker; what the one before it saw last is in the store."""

    def test_what_ran_then_and_has_ended_is_started(self, world: World) -> None:
        shown(world)
        stop(world, "web", "api")
        assert set(states(Reviving(lambda: world.parts).replicas()).values()) == {"running"}

    def test_what_was_stopped_then_is_left(self, world: World) -> None:
        shown(world, web=Running.EXITED)
        stop(world, "web", "api")
        found = Reviving(lambda: world.parts).replicas()
        assert states(found) == {"web": "exited", "api": "running"}

    def test_where_another_has_run_on_since_then_docker_has_not_ended_it(
        self, world: World
    ) -> None:
        """Somebody stopped it while no worker ran."""
        shown(world)
        stop(world)
        found = Reviving(lambda: world.parts).replicas()
        assert states(found) == {"web": "exited", "api": "running"}

    def test_another_that_was_started_anew_since_then_does_not_count(self, world: World) -> None:
        """Docker has started it again itself, as with the policy `always`."""
        shown(world, at=1.0)
        stop(world)
        assert states(Reviving(lambda: world.parts).replicas())["web"] == "running"

    def test_a_docker_that_is_away_at_first_changes_nothing_of_it(self, world: World) -> None:
        shown(world)
        stop(world, "web", "api")
        reviving = Reviving(lambda: world.parts)
        world.engine.fail("replicas", AWAY)
        with pytest.raises(EngineUnavailable):
            reviving.replicas()
        assert set(states(reviving.replicas()).values()) == {"running"}

    def test_where_no_worker_has_looked_nothing_is_started(self, world: World) -> None:
        stop(world)
        assert states(Reviving(lambda: world.parts).replicas())["web"] == "exited"
