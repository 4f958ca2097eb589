"""Wherever a worker is killed while it adopts a container or replaces it: no request is lost."""

from __future__ import annotations

from functools import partial

import pytest

from tests.crash.adopting import adopting
from tests.crash.bench import Struck
from tests.crash.calls import ANY, Point
from tests.crash.test_points import telling

pytestmark = [pytest.mark.lab, pytest.mark.root, pytest.mark.long]


def test_every_single_kill_in_an_adoption_and_what_follows_is_recovered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each begins with a container that was started by hand, and ends with one of our own."""
    with adopting("crash-adopt") as one:
        points = [point for point in one.record_all() if point.phase != ANY]
    with telling(capsys, "crash-adopt") as made:
        for point in points:
            made.strike(partial(adopted_until, point), str(point))


def adopted_until(point: Point) -> Struck:
    """A kill at this point, with a container that was not adopted before."""
    with adopting("crash-adopt") as one:
        return one.strike_at(point)
