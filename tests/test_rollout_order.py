"""The order of the procedure's steps is held by tests: with any two swapped, one of them fails."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from deployer import rollout
from deployer.deployment import Deployment, Status, Wanted
from deployer.errors import DeployerError, PullFailed
from deployer.model import AppHook, Finished, Limits, Moment
from deployer.rollout import Rollout
from tests import test_rollout
from tests import test_rollout_failures as failures
from tests.world import World

_GO = textwrap.dedent(inspect.getsource(Rollout._go))


def steps(tree: ast.Module) -> list[ast.stmt]:
    """The statements of the procedure that are undone if a later one fails: those of its `with`."""
    (block,) = (one for one in ast.walk(tree) if isinstance(one, ast.With))
    return block.body


STEPS = [ast.unparse(one) for one in steps(ast.parse(_GO))]


def with_swapped(first: int) -> type[Rollout]:
    """A procedure of its own: ours, but for the step with this number, which comes one later."""
    tree = ast.parse(_GO)
    body = steps(tree)
    body[first : first + 2] = reversed(body[first : first + 2])
    names = dict(vars(rollout))
    exec(compile(tree, "swapped", "exec"), names)  # noqa: S102 - this very repository's code
    swapped: type[Rollout] = type("Swapped", (Rollout,), {"_go": names["_go"]})
    return swapped


class OfAnother(World):
    """A world whose deployments follow another procedure, if it is given one."""

    procedure: type[Rollout] = Rollout

    def claim(self, wanted: Wanted | None = None) -> Rollout:
        """See World."""
        return self.procedure(self.parts, super().claim(wanted).deployment)


def a_pull_that_fails_takes_no_number(world: World) -> None:
    """Nothing is written down of what may never come to be."""
    world.push()
    world.engine.fail("pull", PullFailed("it broke off"))
    assert world.deploy().status is Status.FAILED
    world.change(limits=Limits(watch=0.0))
    assert world.deploy().release == 2


def a_start_that_fails_leaves_no_image(world: World) -> None:
    """It can be removed only when its containers are, and those only after their start."""
    failures.test_a_failure_leaves_the_old_release_as_it_was(world, failures.after_start)
    newest = world.registry.resolve(replace(world.parts.apps["web"].image, tag="latest"))
    assert not world.engine.has(newest)


def the_apps_own_command_comes_before_any_change(world: World) -> None:
    """It runs for a release that has its number, and before anything of that is kept or started."""
    hook = AppHook(Moment.PRE_DEPLOY, ("migrate",))
    world.change(hooks=(hook,), limits=Limits(watch=0.0))
    world.engine.commands[hook.command] = Finished(1, "no such table", 0.0)
    world.push()
    world.effects()
    assert world.deploy().status is Status.FAILED
    ((release, _),) = world.engine.ran
    assert release.number == 2
    assert not [one for one in world.effects() if one.startswith(("keep", "start", "proxy"))]


def all_hold(folder: Path, procedure: type[Rollout]) -> bool:
    """Whether this procedure passes what is asked of the order of steps."""
    back = failures.test_a_failure_leaves_the_old_release_as_it_was
    checks: list[Callable[[World], None]] = [
        test_rollout.test_a_replacement_starts_the_new_before_it_stops_the_old,
        a_pull_that_fails_takes_no_number,
        a_start_that_fails_leaves_no_image,
        the_apps_own_command_comes_before_any_change,
        partial(back, failing=failures.in_watch),
    ]
    for number, check in enumerate(checks):
        (folder / str(number)).mkdir()
        world = OfAnother(folder / str(number))
        try:
            world.traffic.begin({})
            world.push()
            first: Deployment = world.deploy()
            assert first.status is Status.SUCCEEDED
            world.journal.clear()
            world.procedure = procedure
            world.change(limits=Limits(watch=3600 if number else 0.02))
            check(world)
        except (AssertionError, DeployerError, NameError, AttributeError):
            return False
        finally:
            world.close()
    return True


def test_the_procedure_as_it_is_passes(tmp_path: Path) -> None:
    assert all_hold(tmp_path, Rollout)


@pytest.mark.parametrize("first", range(len(STEPS) - 1), ids=lambda number: STEPS[number])
def test_with_two_steps_swapped_it_does_not(tmp_path: Path, first: int) -> None:
    assert not all_hold(tmp_path, with_swapped(first))
