"""`plan`: asked of the worker, shown for people and programs, with an exit code."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from deployer.cli import plan as command
from deployer.condition import STALE
from deployer.config import load
from deployer.errors import StoreError
from deployer.model import Image
from deployer.parts import Parts
from deployer.planning import answer
from deployer.ports import Active
from deployer.spec import Spec
from deployer.traffic import Traffic
from tests.cli.world import StandIn, World, digest
from tests.fakes.engine import FakeEngine
from tests.fakes.prober import FakeProber
from tests.fakes.proxy import FakeProxy
from tests.fakes.registry import FakeRegistry

SECRET = "canary-4f1e9b"
OLD = f"sha256:{'1' * 64}"
MORE = f"""\
    environment:
      PASSWORD: {SECRET}-new
      LEVEL: {SECRET}
    mem_limit: 512m
    command: [serve, --key, {SECRET}-new]
"""


class Planning(StandIn):
    """A worker that answers orders for a plan, by the worker's own rules."""

    def __init__(self, world: World) -> None:
        super().__init__(world, lambda taken: None)
        config = load(world.config, {}, part="worker")
        self.registry = FakeRegistry()
        engine, proxy = FakeEngine(self.registry), FakeProxy()
        self._parts = Parts(
            config.apps,
            world.store,
            self.registry,
            engine,
            Traffic(proxy, 1.0),
            FakeProber(engine, proxy),
            lambda _: False,
            origins=config.origins,
        )

    def take_orders(self) -> None:
        """Answer what was asked."""
        for order in self._world.store.open_orders():
            answer(self._parts, order)


@pytest.fixture
def planning(world: World) -> Iterator[Planning]:
    """A worker beside an app whose release 2 serves, whose config.yml says more by now.

    Its tag `stable` means an image that is newer, its tag `edge` none.
    """
    text = world.config.read_text()
    world.config.write_text(text.replace("    replicas: 2\n", f"    replicas: 2\n{MORE}"))
    serving = world.deploy()
    image = Image("docker.io", "acme/web", "stable", OLD)
    old = Spec(
        replicas=2,
        environment=(("GONE", "1"), ("PASSWORD", f"{SECRET}-old")),
        mem_limit=256 << 20,
    )
    release = world.store.add_release("web", image, old, 1.0)
    world.store.activate(Active("web", release.number, serving.id))
    worker = Planning(world)
    worker.registry.push(replace(image, digest=""))
    world.see()
    with worker:
        yield worker


SHOWN = """\
plan for web

image     docker.io/acme/web:stable
now       111111111111  release 2
then      {digest}  a new image, a new release
strategy  start-first: old and new can run side by side

difference
   SETTING               NOW   THEN             FROM
+  command               -     serve --key ***  config.yml:17
+  environment.LEVEL     -     ***              config.yml:15
~  environment.PASSWORD  ***   ***              config.yml:14
-  environment.GONE      ***   -                -
~  mem_limit             256m  512m             config.yml:16

steps
resolve  ask the registry for docker.io/acme/web:stable
pull     pull docker.io/acme/web@sha256:{digest}
start    start 2 new containers
check    until port 8080 takes connections, at most 60 s
switch   Nginx sends web.example.com to the new release; one reload
watch    for 10 s; if it exits, restarts or fails its check, the old release comes back
drain    nothing to wait for
retire   nothing to remove

also touched
Nginx reloads: other sites go on without a lost request
"""


def test_a_plan_is_shown_whole_and_in_columns(world: World, planning: Planning) -> None:
    result = world.run("plan", "web")
    full = json.loads(world.run("plan", "web", "--json").stdout)["plan"]["digest_then"]
    assert result.exit_code == 0
    assert result.stdout == SHOWN.format(digest=full[7:19])


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(world: World, planning: Planning, width: int) -> None:
    lines = world.run("plan", "web", width=width).stdout.splitlines()
    assert max(map(len, lines)) <= width
    assert any("PASSWORD" in line or "…" in line for line in lines)


def test_json_has_all_that_is_shown_under_names_that_stay(world: World, planning: Planning) -> None:
    told = json.loads(world.run("plan", "web", "--json").stdout)
    assert set(told) == {"order", "plan"}
    assert (told["order"]["kind"], told["order"]["result"]) == ("plan", "accepted")
    plan = told["plan"]
    assert (plan["app"], plan["outcome"]) == ("web", "deployed")
    assert (plan["digest_now"], plan["release_now"]) == (OLD, 2)
    assert {
        "key": "mem_limit",
        "kind": "changed",
        "old": "256m",
        "new": "512m",
        "masked": False,
        "origin": "config.yml:16",
    } in plan["difference"]
    assert [one["step"] for one in plan["steps"]][:2] == ["resolve", "pull"]
    assert (plan["in_the_way"], plan["notes"]) == ([], [])


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_no_secret_of_either_release_is_shown_or_stored(
    world: World, planning: Planning, form: tuple[str, ...]
) -> None:
    assert SECRET not in world.run("plan", "web", *form).output
    order = world.store.order(1)
    assert order is not None
    assert SECRET not in order.detail


def test_a_tag_that_means_nothing_ends_with_1_and_the_reason(
    world: World, planning: Planning
) -> None:
    result = world.run("plan", "web", "--tag", "edge")
    assert (result.exit_code, result.stdout.splitlines()[1:]) == (1, [])
    assert "does not have it" in result.stdout
    told = json.loads(world.run("plan", "web", "--tag", "edge", "--json").stdout)
    assert (told["order"]["result"], told["plan"]) == ("refused", None)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["plan", "wep"], "did you mean web?"),
        (["plan", "web", "--tag", "v9"], "known are edge, stable"),
        (["plan", "web", "--digest", "sha256:12"], "64 digits"),
        (["plan", "web", "--tag", "edge", "--digest", digest(1)], "one of them"),
    ],
)
def test_what_cannot_be_meant_ends_with_2_and_nothing_is_written(
    world: World, arguments: list[str], hint: str
) -> None:
    world.see()
    result = world.run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert hint in result.stderr
    assert world.store.open_orders() == []


@pytest.mark.parametrize(("age", "reason"), [(None, "not looked yet"), (60.0, "seems not to run")])
def test_without_a_worker_that_is_said_at_once_and_nothing_is_written(
    world: World, age: float | None, reason: str
) -> None:
    if age is not None:
        world.see(age=age)
    result = world.run("plan", "web")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "cannot plan: the worker has to look, and it" in result.stderr
    assert reason in result.stderr
    assert world.store.open_orders() == []


def test_a_worker_that_ends_meanwhile_is_not_waited_for(world: World) -> None:
    """Its last sign of life was not yet too old when the plan was asked for."""
    world.see(age=STALE - 0.5)
    result = world.run("plan", "web")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "it seems not to run" in result.stderr


def test_an_order_says_who_asked_for_what(world: World, planning: Planning) -> None:
    world.run("plan", "web", "--digest", digest(5))
    order = world.store.order(1)
    assert order is not None
    assert (order.kind, order.app, order.digest) == ("plan", "web", digest(5))
    assert order.given_by.endswith(f"(uid {os.getuid()}) at the command line")
    assert [one.id for one in world.store.deployments()] == [1]


@pytest.mark.parametrize("detail", ["", "{}", "[1]", '{"app": 1}', "\x1b[2J"])
def test_an_answer_that_no_worker_wrote_is_not_shown(detail: str) -> None:
    with pytest.raises(StoreError, match="no worker wrote"):
        command.read(detail)
