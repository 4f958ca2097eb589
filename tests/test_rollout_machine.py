"""Any sequence of pushes, deployments, rollbacks, failures and restarts keeps the promises."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from deployer.deployment import (
    ALLOWED,
    ENDED,
    Deployment,
    Recovery,
    Status,
    Step,
    Trigger,
    Wanted,
    recover,
)
from deployer.errors import (
    ConfigRejected,
    DeployerError,
    EngineError,
    EngineUnavailable,
    NotConfirmed,
    StoreUnavailable,
)
from deployer.model import AppHook, Finished, HealthCheck, Limits, Moment, Running
from deployer.releases import is_of
from deployer.rollout import Rollout
from deployer.routing import Route
from deployer.traffic import route_of
from tests.fakes.registry import Behaviour
from tests.fate import KINDS, Fate, Killed, Plan, dress
from tests.world import World, app

NAMES = ("web", "job")
QUICK = {
    "health": HealthCheck(8080, "/", interval=0.001, deadline=0.01),
    "limits": Limits(watch=0.003, keep=2),
}
HOOKS = tuple(AppHook(when, (when,)) for when in Moment)
AWAY = EngineUnavailable("Docker is away")
REFUSED = EngineError("Docker refuses")
LOCKED = StoreUnavailable("locked")

names = st.sampled_from(NAMES)
engine_faults = st.tuples(
    st.sampled_from(["has", "pull", "keep", "start", "look", "replicas", "logs", "forget", "run"]),
    st.sampled_from([AWAY, REFUSED]),
    st.booleans(),
) | st.tuples(st.sampled_from(["discard", "retire"]), st.just(AWAY), st.booleans())
store_faults = st.tuples(
    st.sampled_from(["save", "activate", "deactivate", "active", "queued"]),
    st.just(LOCKED),
    st.booleans(),
)
proxy_faults = st.sampled_from(
    [(ConfigRejected("no"), False), (NotConfirmed("no"), False), (NotConfirmed("no"), True)]
)
behaviours = st.sampled_from([Behaviour.ANSWERS] * 4 + list(Behaviour))
tags = st.sampled_from(["latest", "next"])


fates: st.SearchStrategy[Plan] = st.just({}) | st.dictionaries(
    st.integers(1, 40), st.sampled_from(KINDS), max_size=3
)


@dataclass(frozen=True)
class Faults:
    """What goes wrong in a deployment, and what happens when it has come to a step.

    `hook` is the command of the app's own that fails, "" for none.
    """

    engine: list[tuple[str, EngineError, bool]]
    store: list[tuple[str, StoreUnavailable, bool]]
    proxy: list[tuple[NotConfirmed | ConfigRejected, bool]]
    at: Step = Step.WATCH
    happens: str = ""
    hook: str = ""
    fate: Plan = field(default_factory=dict)


faults = st.just(Faults([], [], [])) | st.builds(
    Faults,
    engine=st.lists(engine_faults, max_size=2),
    store=st.lists(store_faults, max_size=2),
    proxy=st.lists(proxy_faults, max_size=2),
    at=st.sampled_from(list(Step)[:6]) | st.just(Step.WATCH),
    happens=st.sampled_from(["", "", "exit", "stop", "ask"]),
    hook=st.sampled_from(["", "", "", *Moment]),
    fate=fates,
)


class Deployments(RuleBasedStateMachine):
    """A worker without threads: what its threads would do is done one after the other."""

    steps: ClassVar[int] = 0
    happened: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.dead = False
        self.fate = Fate()
        self.folder = Path(tempfile.mkdtemp())
        self.world = World(
            self.folder, app("web", **QUICK, hooks=HOOKS), app("job", **QUICK, route=None)
        )
        self.ended: list[Rollout] = []
        # Deployments whose replicas may stay until the next start, as their record says.
        self.excused: set[int] = set()
        dress(self.world, self.fate)
        self.world.traffic.begin({})
        for name in NAMES:
            self.world.push(name=name)
            self._next(Wanted(name, Trigger.BOOTSTRAP), Faults([], [], []))

    def teardown(self) -> None:
        """In the end all is done that was ever asked for, and nothing is left over."""
        self._come_to_rest()
        for name in NAMES:
            active = self.world.store.active().get(name)
            assert all(is_of(one, active) for one in self.world.replicas(name))
        for deployment in self.world.store.deployments(limit=1000):
            history = [one.status for one in self.world.store.transitions(deployment.id)]
            assert (history[0], history[-1]) == (Status.QUEUED, deployment.status)
            assert deployment.status in ENDED
            assert deployment.reason
            for before, after in pairwise(history):
                assert after is before or after in ALLOWED[before]
        assert self.world.engine.one_offs == {}
        self.world.close()
        shutil.rmtree(self.folder)
        type(self).happened += self.fate.happened

    def _come_to_rest(self) -> None:
        """A worker to which nothing happens begins, does all that waits, and begins again."""
        for _ in range(2):
            self._begin({})
            while claimed := self.world.store.claim(2.0):
                self._work(Rollout(self.world.parts, claimed), {})
            while self.ended:
                self._clean_up(self.ended.pop(), {})

    # what happens around the worker

    @precondition(lambda self: not self.dead and not self.world.store.running())
    @rule(name=names)
    def die(self, name: str) -> None:
        """A container that serves ends by itself, and is started again elsewhere."""
        active = self.world.store.active().get(name)
        for replica in self.world.replicas(name):
            if is_of(replica, active):
                self.world.engine.change(replica, Running.EXITED, exit_code=1)
                self.world.engine.change(replica, Running.RUNNING)
        self._look()

    # what the worker does

    @rule(name=names, behaviour=behaviours, tag=tags, faults=faults)
    def deploy(self, name: str, behaviour: Behaviour, tag: str, faults: Faults) -> None:
        """Somebody pushes an image, a webhook comes, and something goes wrong somewhere."""
        self.world.push(behaviour, name=name, tag=tag)
        self._next(Wanted(name, Trigger.WEBHOOK, tag), faults)

    @rule(name=names, back=st.integers(0, 3), faults=faults)
    def roll_back(self, name: str, back: int, faults: Faults) -> None:
        """An operator wants an earlier release, which may be gone."""
        newest = max(self.world.releases(name), default=1)
        self._next(Wanted(name, Trigger.ROLLBACK, release=max(1, newest - back)), faults)

    @rule(name=names, faults=faults)
    def deploy_again(self, name: str, faults: Faults) -> None:
        """Nothing new was pushed."""
        self._next(Wanted(name, Trigger.WEBHOOK), faults)

    @precondition(lambda self: self.ended)
    @rule(data=st.data(), fate=fates)
    def clean_up(self, data: st.DataObject, fate: Plan) -> None:
        """The clean-up of one that has ended, whatever has happened since."""
        rollout = self.ended.pop(data.draw(st.integers(0, len(self.ended) - 1)))
        self._clean_up(rollout, fate)

    @rule(fate=fates)
    def begin_again(self, fate: Plan) -> None:
        """The worker ends and starts: clean-ups are forgotten, what is left is swept."""
        self._begin(fate)

    def _begin(self, fate: Plan) -> None:
        dress(self.world, self.fate)
        self.ended.clear()
        self.dead = False
        interrupted: list[Deployment] | None = None
        with self._living(fate):
            interrupted = self._sweep()
        if interrupted is None and not self.dead:
            # Docker or the store was away: a worker tries again.
            self._begin({})
        for deployment in interrupted or []:
            if not self.dead:
                self._recover(deployment, fate)

    def _sweep(self) -> list[Deployment]:
        """What the worker does at its start; the deployments that are to be recovered."""
        parts = self.world.parts
        parts.engine.sweep()
        active, under_way = parts.store.active(), parts.store.running()
        parts.traffic.begin(self._routes())
        ids = {one.id for one in under_way}
        for replica in parts.engine.replicas():
            if replica.deployment not in ids and not is_of(replica, active.get(replica.app)):
                parts.engine.retire(replica)
        self.excused.clear()
        return under_way

    def _recover(self, deployment: Deployment, fate: Plan) -> None:
        serves = self.world.store.active().get(deployment.app)
        decision = recover(deployment, serves.deployment if serves else None)
        ways = {Recovery.FINISH: Rollout.finish, Recovery.AGAIN: Rollout.again}
        rollout = Rollout(self.world.parts, deployment)
        self._work(rollout, fate, ways.get(decision, Rollout.give_up))

    def _next(self, wanted: Wanted, faults: Faults) -> None:
        self.world.store.enqueue(wanted, 1.0)
        claimed = None if self.dead else self.world.store.claim(2.0)
        if claimed is None:
            return
        for verb, error, after in faults.engine:
            self.world.engine.fail(verb, error, after=after)
        for verb, away, after in faults.store:
            self.world.store.fail(verb, away, after=after)
        for refusal, taken in faults.proxy:
            self.world.proxy.fail(refusal, late=taken)
        if faults.hook:
            self.world.engine.commands[faults.hook,] = Finished(1, "no", 0.0)
        if faults.happens:
            self.world.store.at[faults.at] = lambda: self._happens(faults.happens, claimed)
        self._work(Rollout(self.world.parts, claimed), faults.fate)

    def _happens(self, what: str, deployment: Deployment) -> None:
        if what == "stop":
            self.world.stop.set()
        elif what == "ask":
            self.world.store.enqueue(Wanted(deployment.app, Trigger.WEBHOOK), 1.0)
        for replica in self.world.replicas(deployment.app):
            if what == "exit" and replica.deployment == deployment.id:
                self.world.engine.change(replica, Running.EXITED, exit_code=1)

    def _work(
        self,
        rollout: Rollout,
        fate: Plan,
        go: Callable[[Rollout], Deployment] = Rollout.run,
    ) -> None:
        with self._living(fate):
            ended = go(rollout)
            if "could not switch back" in ended.reason:
                self.excused.add(ended.id)
            self.ended.append(rollout)
        self._look()

    def _clean_up(self, rollout: Rollout, fate: Plan) -> None:
        with self._living(fate):
            rollout.clean_up()
            ended = rollout.deployment
            if ended.status is not Status.SUCCEEDED and ended.id not in self.excused:
                assert self.world.addresses(ended.id) == []
            left = self.world.engine.one_offs.values()
            assert ended.id not in {one.deployment for one in left}

    @contextmanager
    def _living(self, fate: Plan) -> Iterator[None]:
        """What a worker does until it is killed; what fails is left to recovery, as it does."""
        type(self).steps += 1
        try:
            with self.fate.of(fate):
                yield
        except Killed:
            self.dead = True
            self.ended.clear()
        except DeployerError:
            pass
        finally:
            self.world.calm()
            self.world.engine.commands.clear()

    def _routes(self) -> dict[str, Route | None]:
        active, replicas = self.world.store.active(), self.world.engine.replicas()
        return {
            name: route_of(one, [each for each in replicas if is_of(each, active.get(name))])
            for name, one in self.world.parts.apps.items()
        }

    def _look(self) -> None:
        """What the worker does every few seconds, for apps with nothing under way."""
        if self.dead:
            return
        busy = {one.app for one in self.world.store.running()}
        routes = self._routes()
        self.world.traffic.refresh({name: routes[name] for name in routes if name not in busy})

    # what holds at any time

    @invariant()
    def just_the_running_replicas_of_what_is_active_are_routed(self) -> None:
        """None where an app has nothing that runs, or no route."""
        busy = {one.app for one in self.world.store.running()}
        expected = self._routes()["web"]
        if "web" not in busy and not self.dead:
            assert self.world.proxy.routes == ((expected,) if expected else ())
        assert self.world.routed("job") == []

    @invariant()
    def what_is_routed_exists(self) -> None:
        """Clients never meet an address that was given up."""
        for address in self.world.routed("web"):
            assert self.world.engine.answers(address)

    @invariant()
    def what_is_active_is_a_release_that_opens(self) -> None:
        """And its replicas are there."""
        for name, active in self.world.store.active().items():
            assert self.world.store.open_release(name, active.release).number == active.release
            assert self.world.addresses(active.deployment) != []

    @invariant()
    def one_runs_and_one_waits_per_app(self) -> None:
        """The newest, of those that wait."""
        for name in NAMES:
            statuses = [one.status for one in self.world.store.deployments(name, limit=1000)]
            assert statuses.count(Status.RUNNING) <= 1
            assert statuses.count(Status.QUEUED) <= 1


Deployments.TestCase.settings = settings(max_examples=20, stateful_step_count=15, database=None)
TestDeployments = Deployments.TestCase


@pytest.mark.long
def test_ten_thousand_steps_keep_the_promises() -> None:
    """And what may befall a worker has befallen it many times over."""

    class Long(Deployments):
        """Counts for itself."""

        steps: ClassVar[int] = 0
        happened: ClassVar[Counter[str]] = Counter()

    run_state_machine_as_test(
        Long, settings=settings(max_examples=400, stateful_step_count=50, database=None)
    )
    print(f"{Long.steps} steps, {dict(Long.happened)}")
    assert Long.steps >= 10_000
    assert min(Long.happened[kind] for kind in KINDS) > 50
