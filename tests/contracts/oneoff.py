"""What every Engine of ports.py does with commands that are run once."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import pytest

from deployer.errors import DeadlinePassed, Interrupted, StartFailed
from deployer.model import AppHook, Moment, OneOff, Release, Running
from deployer.spec import Attachment
from tests.contracts.engine import SPEC, EngineWorld, go_on, release
from tests.fakes.registry import Behaviour


class OneOffWorld(EngineWorld, Protocol):
    """An engine to be driven, commands for it, and what a killed worker leaves behind."""

    def command(self, output: str, code: int) -> tuple[str, ...]:
        """A command that writes this and ends with this code."""
        ...

    def lasting(self) -> tuple[str, ...]:
        """A command that does not end by itself."""
        ...

    def absent(self) -> tuple[str, ...]:
        """A command that no image has."""
        ...

    def abandon(self, release: Release, one_off: OneOff) -> str:
        """Let a one-off be there that nobody waits for; its name."""
        ...

    def one_offs(self) -> list[str]:
        """The names of the one-offs that are there."""
        ...


def one_off(
    command: tuple[str, ...], deployment: int = 7, when: Moment = Moment.PRE_DEPLOY
) -> OneOff:
    """A command for a deployment."""
    return OneOff(deployment, AppHook(when, command, timeout=30.0))


class OneOffContract:
    """Subclasses give the fixture `world`."""

    @pytest.mark.parametrize("code", [0, 3])
    def test_a_command_ends_with_its_code_and_last_words_and_is_gone(
        self, world: OneOffWorld, code: int
    ) -> None:
        finished = world.engine.run(release(world), one_off(world.command("moved", code)), go_on)
        assert (finished.exit_code, finished.output) == (code, "moved")
        assert 0 <= finished.seconds < 30
        assert not finished.oom_killed
        assert world.one_offs() == []

    def test_it_is_no_replica_while_it_runs(self, world: OneOffWorld) -> None:
        ready = release(world, spec=replace(SPEC, replicas=2))
        serving = world.engine.start(ready, 6)
        seen = []

        def look() -> None:
            seen.append((world.one_offs(), world.engine.replicas(world.app)))
            raise Interrupted("seen")

        with pytest.raises(Interrupted):
            world.engine.run(ready, one_off(world.lasting()), look)
        assert seen == [([f"{world.app}-7.pre_deploy"], serving)]

    def test_what_does_not_end_in_its_time_is_stopped(self, world: OneOffWorld) -> None:
        lasting = one_off(world.lasting())
        short = replace(lasting, hook=replace(lasting.hook, timeout=0.3))
        finished = world.engine.run(release(world), short, go_on)
        assert finished.exit_code is None
        assert finished.seconds >= 0.3
        assert world.one_offs() == []

    def test_who_is_to_stop_leaves_nothing(self, world: OneOffWorld) -> None:
        def stop() -> None:
            raise DeadlinePassed("enough")

        with pytest.raises(DeadlinePassed, match="enough"):
            world.engine.run(release(world), one_off(world.lasting()), stop)
        assert world.one_offs() == []

    def test_what_cannot_be_started_is_told_and_leaves_nothing(self, world: OneOffWorld) -> None:
        ready = release(world)
        unpulled = replace(ready, image=world.push(Behaviour.ANSWERS))
        networked = replace(SPEC, networks=(Attachment("no-such-network"),))
        for broken, command in (
            (ready, world.absent()),
            (unpulled, world.command("", 0)),
            (replace(ready, spec=networked), world.command("", 0)),
        ):
            with pytest.raises(StartFailed):
                world.engine.run(broken, one_off(command), go_on)
        assert world.one_offs() == []

    def test_a_foreign_container_keeps_its_name(self, world: OneOffWorld) -> None:
        untouched = world.take(f"{world.app}-7.pre_deploy")
        with pytest.raises(StartFailed, match=rf"{world.app}-7\.pre_deploy.*another container"):
            world.engine.run(release(world), one_off(world.command("", 0)), go_on)
        assert world.engine.sweep() == []
        assert untouched()

    def test_an_abandoned_one_is_replaced_by_the_next_attempt(self, world: OneOffWorld) -> None:
        ready = release(world)
        world.abandon(ready, one_off(world.lasting()))
        finished = world.engine.run(ready, one_off(world.command("again", 0)), go_on)
        assert finished.output == "again"
        assert world.one_offs() == []

    def test_abandoned_ones_are_swept_and_nothing_else(self, world: OneOffWorld) -> None:
        ready = release(world)
        serving = world.engine.start(ready, 7)
        first = world.abandon(ready, one_off(world.lasting()))
        second = world.abandon(ready, one_off(world.lasting(), when=Moment.ON_FAILURE))
        third = world.abandon(ready, one_off(world.lasting(), 8))
        assert world.engine.sweep(world.app, 8) == [third]
        assert world.one_offs() == sorted([first, second])
        assert world.engine.sweep() == sorted([first, second])
        assert world.engine.sweep() == []
        assert [world.engine.look(one).state for one in serving] == [Running.RUNNING]

    def test_discarding_a_deployment_takes_its_one_offs_along(self, world: OneOffWorld) -> None:
        ready = release(world)
        world.abandon(ready, one_off(world.lasting()))
        other = world.abandon(ready, one_off(world.lasting(), 8))
        world.engine.discard(world.app, 7)
        assert world.one_offs() == [other]
