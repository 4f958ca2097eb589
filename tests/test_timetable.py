"""When tags are looked at: soon, not all at once, and less and less often where it fails."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from deployer.model import App
from deployer.timetable import Failing, Timetable, pause
from tests.world import app


def keys(one: App) -> list[str]:
    return [one.image.host, one.name]


def apps(number: int, interval: float | None = 300.0) -> dict[str, App]:
    names = [f"app{at}" for at in range(number)]
    return {name: app(name, reconcile=interval) for name in names}


def through(times: Timetable, known: dict[str, App], end: float) -> list[tuple[float, str]]:
    """Who was looked at and when, in steps of a tenth of a second."""
    looks = []
    for tenth in range(int(end * 10)):
        at = tenth / 10
        if name := times.next(known, keys, at):
            looks.append((at, name))
            times.again(name, at)
    return looks


def test_fifty_apps_are_first_looked_at_within_half_a_minute_and_not_at_once() -> None:
    looks = through(Timetable(random.Random(5).uniform), apps(50), 31)
    assert len({name for _, name in looks}) == 50
    assert max(sum(start <= at < start + 1 for at, _ in looks) for start in range(31)) < 10


def test_each_app_is_looked_at_once_an_interval_give_or_take() -> None:
    looks = through(Timetable(random.Random(5).uniform), apps(3, 10.0), 100)
    mine = [at for at, name in looks if name == "app1"]
    assert all(8.9 <= after - before <= 11.2 for before, after in pairwise(mine))
    assert len(mine) >= 9


def test_an_app_without_an_interval_is_never_looked_at() -> None:
    assert through(Timetable(random.Random(5).uniform), apps(2, None), 100) == []


def test_an_app_that_comes_or_whose_interval_changes_is_looked_at_soon() -> None:
    times = Timetable(lambda low, high: high)
    assert through(times, apps(1, 3600.0), 40) != []
    changed = apps(2, 5.0)
    assert times.next(changed, keys, 41.0) == ""
    assert times.next(changed, keys, 46.0) == "app0"


def test_while_a_registry_fails_none_of_its_apps_is_looked_at() -> None:
    times, known = Timetable(lambda low, high: high), apps(3, 5.0)
    assert times.next(known, keys, 0.0) == ""
    name = times.next(known, keys, 6.0)
    host = known[name].image.host
    assert times.failed(host, name, 6.0, Failing(1.0, "down"), limited=False)
    assert times.next(known, keys, 11.0) == ""
    assert times.next(known, keys, 12.0) == name
    assert not times.failed(host, name, 12.0, Failing(9.0, "still down"), limited=False)
    assert (times.failing[host].since, times.failing[host].reason) == (1.0, "still down")
    assert times.works(host, name) == [host]
    assert times.next(known, keys, 12.0) == name


@pytest.mark.parametrize(
    ("interval", "limited", "pauses"),
    [
        (300.0, False, [10, 20, 40, 80, 160, 300, 300]),
        (5.0, False, [5, 5, 5]),
        (300.0, True, [300, 600, 1200, 2400, 3600, 3600]),
        (5.0, True, [60, 120, 240, 480, 960, 1920, 3600]),
        (7200.0, True, [7200, 7200]),
    ],
)
def test_the_pause_grows_and_where_the_registry_said_so_beyond_the_interval(
    interval: float, limited: bool, pauses: list[float]
) -> None:
    times = range(1, len(pauses) + 1)
    assert [pause(one, interval, limited=limited) for one in times] == pauses
