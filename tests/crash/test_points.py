"""Wherever a worker is killed: the next one brings all to one release, and no request is lost."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.crash.bench import Bench, Struck, bench
from tests.crash.calls import LOOKS, Point
from tests.lab.errors import LabError

pytestmark = [pytest.mark.lab, pytest.mark.root]

Ask = Callable[[Bench], str]
Kills = tuple[Point, Point | None]


@dataclass(frozen=True)
class Scenario:
    """What is asked for, how one release takes over then, and whether hooks run around it."""

    ask: Ask
    strategy: str = "start-first"
    hooks: bool = False


SCENARIOS = {
    "deploy": Scenario(Bench.deploy),
    "failure": Scenario(Bench.fail),
    "rollback": Scenario(Bench.roll_back),
    "hooks": Scenario(Bench.deploy, hooks=True),
    "hooks-failure": Scenario(Bench.fail, hooks=True),
    "stop-first": Scenario(Bench.deploy, "stop-first"),
    "stop-first-rollback": Scenario(Bench.roll_back, "stop-first"),
    "stop-first-failure": Scenario(Bench.fail, "stop-first"),
}
FIRST = [
    Point("start", "Engine.start", 1, "after"),
    Point("switch", "NginxHost.reload", 1, "after"),
    Point("switch", "Store.activate", 1, "after"),
    Point("retire", "Engine.retire", 1, "before"),
]
"""Where the first kill is, for all that can be killed in the recovery from it."""

ONE_OF_A_KIND: list[Kills] = [
    (Point("pull", "Store.add_release", 1, "after"), None),
    (Point("switch", "NginxHost.reload", 1, "after"), Point("start", "Proxy.apply", 1, "after")),
    (Point("retire", "Engine.retire", 1, "after"), None),
]
"""Before the switch, at it and once more in the recovery, and after it."""


@dataclass
class Enumeration:
    """Kills one after the other; where one broke a promise the next has a new bench."""

    label: str
    say: Callable[[str], None]
    done: list[Struck] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def run(self, scenario: Scenario, kills: list[Kills]) -> None:
        """All of them."""
        left = list(kills)
        while left:
            with bench(self.label, strategy=scenario.strategy, hooks=scenario.hooks) as one:
                # A rollback needs a second release.
                one.recorded(one.deploy)
                while left and self._strike(one, scenario.ask, *left.pop(0)):
                    pass

    def _strike(self, one: Bench, ask: Ask, point: Point, second: Point | None) -> bool:
        where = f"{point}" + (f", then {second}" if second else "")
        return self.strike(lambda: one.strike(lambda: ask(one), point, second), where)

    def strike(self, kill: Callable[[], Struck], where: str) -> bool:
        """Note what comes of a kill; whether no promise was broken."""
        try:
            struck = until_met(kill)
        except LabError as error:
            self.broken.append(f"{where}: {error}")
            self.say(f"  BROKEN {where}\n         {error}")
            return False
        self.done.append(struck)
        met = "" if struck.met else "  (was not reached)"
        self.say(f"  {struck.recovered:5.1f} s  {struck.requests:5} requests  {where}{met}")
        return True

    def table(self) -> str:
        """What was done, by phase."""
        lines = [f"{'phase':12}{'kills':>7}{'reached':>9}{'slowest recovery':>18}{'requests':>10}"]
        for phase in dict.fromkeys(one.point.phase for one in self.done):
            ours = [one for one in self.done if one.point.phase == phase]
            slowest = max(one.recovered for one in ours)
            met, requests = sum(one.met for one in ours), sum(one.requests for one in ours)
            lines.append(f"{phase:12}{len(ours):7}{met:9}{slowest:16.1f} s{requests:10}")
        took = sum(one.took for one in self.done)
        lines.append(f"{len(self.done)} kills in {took:.0f} s, {len(self.broken)} broken promises")
        return "\n".join(lines)


def until_met(kill: Callable[[], Struck]) -> Struck:
    """Kill again where threads went by each other so that the point was not reached."""
    for _ in range(2):
        struck = kill()
        if struck.met or struck.last.call in LOOKS:
            return struck
    return kill()


@contextmanager
def telling(capsys: pytest.CaptureFixture[str], label: str) -> Iterator[Enumeration]:
    """An enumeration whose progress is seen while it runs, and its table in the end."""
    begun = time.monotonic()

    def say(line: str) -> None:
        with capsys.disabled():
            # One of several processes that run tests has no other way to the terminal.
            print(f"{time.monotonic() - begun:7.1f} {line}", file=sys.stderr, flush=True)

    made = Enumeration(label, say)
    yield made
    say(f"{label}\n{made.table()}")
    assert made.broken == []
    unmet = [str(one.point) for one in made.done if not one.met and one.last.call not in LOOKS]
    assert unmet == []


def test_a_kill_before_at_and_after_the_switch_and_in_recovery_is_recovered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One of each kind; `make test-long` has them all."""
    made = Enumeration("crash", print)
    made.run(SCENARIOS["deploy"], ONE_OF_A_KIND)
    assert made.broken == []
    assert [one.point for one in made.done if one.met] == [point for point, _ in ONE_OF_A_KIND]


@pytest.mark.long
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_single_kill_is_recovered(capsys: pytest.CaptureFixture[str], name: str) -> None:
    """Before and after each call of each port that this makes."""
    scenario = SCENARIOS[name]
    with bench(f"crash-{name}", strategy=scenario.strategy, hooks=scenario.hooks) as one:
        one.recorded(one.deploy)
        points = one.recorded(lambda: scenario.ask(one))
    with telling(capsys, f"crash-{name}") as made:
        made.run(scenario, [(point, None) for point in points])


@pytest.mark.long
@pytest.mark.parametrize("first", FIRST, ids=str)
def test_every_second_kill_in_recovery_is_recovered(
    capsys: pytest.CaptureFixture[str], first: Point
) -> None:
    """At all that a recovery does and a plain deployment does not."""
    with bench("crash-twice") as one:
        usual = one.recorded(one.deploy)
        points = one.recorded_recovery(one.deploy, first)
    with telling(capsys, "crash-twice") as made:
        made.run(SCENARIOS["deploy"], [(first, one) for one in points if one not in usual])
